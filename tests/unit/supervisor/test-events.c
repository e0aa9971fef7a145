/* SPDX-License-Identifier: MIT */

/*
 * Events: numbers that go on, a ring that is enough most of the time, files for the rest.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/file.h"
#include "lib/json.h"
#include "supervisor/events.h"
#include "tests/unit/lib/temp.h"

static struct events *reopen(const struct temp *t, struct events *old)
{
	struct events *e = NULL;

	events_close(old);
	assert_int_equal(events_open(t->path, &e), 0);
	return e;
}

static void add(struct events *e, const char *service, const char *text)
{
	struct event event = {.kind = "start", .text = text, .service = service};

	events_add(e, &event);
}

static void assert_seqs(json_t *events, uint64_t first, size_t n)
{
	assert_non_null(events);
	assert_int_equal(json_array_size(events), n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(json_get_uint(json_array_get(events, i), "seq", 0), first + i);
	json_decref(events);
}

static void events_are_numbered_and_stamped(void **state)
{
	struct events *e = reopen(*state, NULL);
	json_t *all;

	add(e, "shop", "one");
	add(e, "shop", "two");
	all = events_since(e, 0, 10, NULL);
	assert_string_equal(json_get_string(json_array_get(all, 1), "text"), "two");
	assert_string_equal(json_get_string(json_array_get(all, 1), "kind"), "start");
	assert_true(json_get_uint(json_array_get(all, 1), "at_usec", 0) > 1600000000000000);
	assert_seqs(all, 1, 2);
	assert_seqs(events_since(e, 1, 10, NULL), 2, 1);
	assert_seqs(events_since(e, 2, 10, NULL), 0, 0);
	assert_seqs(events_since(e, 99, 10, NULL), 0, 0);
	events_close(e);
}

static void events_say_whom_they_are_about(void **state)
{
	struct event event = {
		.kind = "exit",
		.text = "exit 1, \"said\" \xff",
		.service = "shop",
		.instance = 2,
		.who = "cli root",
		.exit = "{\"life\":7}",
	};
	struct events *e = reopen(*state, NULL);
	cleanup_json json_t *all = NULL;
	const json_t *told;

	events_add(e, &event);
	all = events_since(e, 0, 10, NULL);
	told = json_array_get(all, 0);
	assert_int_equal(json_object_size(told), 8);
	assert_string_equal(json_get_string(told, "service"), "shop");
	assert_int_equal(json_get_uint(told, "instance", 0), 2);
	assert_string_equal(json_get_string(told, "kind"), "exit");
	assert_string_equal(json_get_string(told, "text"), "exit 1, \"said\" \xef\xbf\xbd");
	assert_string_equal(json_get_string(told, "who"), "cli root");
	assert_int_equal(json_get_uint(json_object_get(told, "exit"), "life", 0), 7);
	events_close(e);
}

static void events_numbers_go_on_after_a_restart(void **state)
{
	struct events *e = reopen(*state, NULL);

	add(e, NULL, "one");
	add(e, NULL, "two");
	e = reopen(*state, e);
	add(e, NULL, "three");
	assert_seqs(events_since(e, 0, 10, NULL), 1, 3);
	assert_seqs(events_since(e, 1, 10, NULL), 2, 2);
	assert_seqs(events_since(e, 0, 1, NULL), 3, 1);
	events_close(e);
}

static void events_torn_line_keeps_its_number(void **state)
{
	static const char text[] = "{\"seq\":41,\"text\":\"a\"}\n{\"seq\":42,\"te";
	struct temp *t = *state;
	struct events *e;
	json_t *all;

	assert_int_equal(
		file_write_quick(temp_path(t, "events.jsonl"), text, sizeof(text) - 1, 0600), 0);
	e = reopen(t, NULL);
	add(e, NULL, "after");
	assert_seqs(events_since(e, 42, 10, NULL), 43, 1);
	all = events_since(e, 0, 10, NULL);
	assert_int_equal(json_array_size(all), 2);
	json_decref(all);
	events_close(e);
}

static void events_limit_counts_from_the_end_that_was_asked_for(void **state)
{
	struct events *e = reopen(*state, NULL);

	for (int i = 0; i < 20; i++)
		add(e, NULL, "x");
	assert_seqs(events_since(e, 0, 5, NULL), 16, 5);
	assert_seqs(events_since(e, 3, 5, NULL), 4, 5);
	assert_seqs(events_since(e, 0, 0, NULL), 0, 0);
	events_close(e);
}

static void events_of_named_services_only(void **state)
{
	char *names[] = {(char *)"db", (char *)"shop", NULL};
	struct events *e = reopen(*state, NULL);
	json_t *chosen;

	add(e, "shop", "1");
	add(e, NULL, "2");
	add(e, "worker", "3");
	add(e, "db", "4");
	e = reopen(*state, e);
	add(e, "worker", "5");
	add(e, "shop", "6");
	chosen = events_since(e, 0, 2, names);
	assert_int_equal(json_array_size(chosen), 2);
	assert_string_equal(json_get_string(json_array_get(chosen, 0), "text"), "4");
	assert_string_equal(json_get_string(json_array_get(chosen, 1), "text"), "6");
	json_decref(chosen);
	chosen = events_since(e, 1, 1, names);
	assert_int_equal(json_array_size(chosen), 1);
	assert_string_equal(json_get_string(json_array_get(chosen, 0), "text"), "4");
	json_decref(chosen);
	events_close(e);
}

static void events_beyond_the_ring_come_from_disk(void **state)
{
	struct events *e = reopen(*state, NULL);

	for (int i = 0; i < EVENTS_RING * 2; i++)
		add(e, NULL, "x");
	assert_seqs(events_since(e, 10, 1000, NULL), 11, EVENTS_RING * 2 - 10);
	assert_seqs(events_since(e, 0, 100000, NULL), 1, EVENTS_RING * 2);
	assert_seqs(events_since(e, EVENTS_RING, 1000, NULL), EVENTS_RING + 1, EVENTS_RING);
	assert_seqs(events_since(e, EVENTS_RING - 1, 1000, NULL), EVENTS_RING, EVENTS_RING + 1);
	events_close(e);
}

static void events_files_are_bounded(void **state)
{
	struct temp *t = *state;
	struct events *e = reopen(t, NULL);
	char text[2000];
	struct stat st;
	json_t *all;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 2000; i++)
		add(e, NULL, text);
	assert_int_equal(folder_count(t->path), 2);
	assert_int_equal(stat(temp_path(t, "events.jsonl"), &st), 0);
	assert_true((size_t)st.st_size <= EVENTS_FILE_MAX);
	assert_int_equal(stat(temp_path(t, "events.jsonl.1"), &st), 0);
	assert_true((size_t)st.st_size <= EVENTS_FILE_MAX + 3000);
	e = reopen(t, e);
	all = events_since(e, 0, 1000000, NULL);
	assert_true(json_array_size(all) > 500);
	assert_seqs(all, 2001 - json_array_size(all), json_array_size(all));
	/* Just rotated: the newest number stands in the older file. */
	assert_int_equal(unlink(temp_path(t, "events.jsonl")), 0);
	e = reopen(t, e);
	add(e, NULL, "next");
	all = events_since(e, 0, 1, NULL);
	assert_true(json_get_uint(json_array_get(all, 0), "seq", 0) > 500);
	json_decref(all);
	events_close(e);
}

static void events_go_on_when_the_disk_takes_nothing(void **state)
{
	struct temp *t = *state;
	struct events *e = NULL;

	assert_int_equal(mkdir(temp_path(t, "state"), 0700), 0);
	assert_int_equal(events_open(temp_path(t, "state"), &e), 0);
	assert_int_equal(rmdir(temp_path(t, "state")), 0);
	add(e, NULL, "one");
	add(e, NULL, "two");
	assert_seqs(events_since(e, 0, 10, NULL), 1, 2);
	events_close(e);
}

static void events_unreadable_file_is_an_error(void **state)
{
	struct temp *t = *state;
	struct events *e = NULL;

	assert_int_equal(symlink("/etc/passwd", temp_path(t, "events.jsonl")), 0);
	assert_int_equal(events_open(t->path, &e), -ELOOP);
	assert_null(e);
}

struct listener {
	struct events_subscriber *self;
	struct listener *other;
	struct events *events;
	uint64_t seq;
	unsigned n;
};

struct lives {
	char text[128];
};

static void on_life(const char *service, uint64_t life, void *userdata)
{
	struct lives *lives = userdata;
	size_t used = strlen(lives->text);

	(void)snprintf(lives->text + used, sizeof(lives->text) - used, "%s %d;", service,
		       (int)life);
}

static void events_lives_are_those_that_began_or_ended(void **state)
{
	struct event start = {.kind = "start", .text = "t", .service = "shop", .life = 7};
	struct event exit = {
		.kind = "exit", .text = "t", .service = "shop", .exit = "{\"life\":8}"};
	struct event lie = {
		.kind = "fail",
		.text = "\"},\"kind\":\"start\",\"life\":9",
		.service = "shop",
	};
	struct events *e = reopen(*state, NULL);
	struct lives lives = {0};

	assert_int_equal(events_begun_lives(e, on_life, &lives), 0);
	assert_string_equal(lives.text, "");
	events_add(e, &start);
	events_add(e, &exit);
	events_add(e, &lie);
	add(e, "shop", "a start without a life");
	start.service = "db";
	events_add(e, &start);
	e = reopen(*state, e);
	assert_int_equal(events_begun_lives(e, on_life, &lives), 0);
	assert_string_equal(lives.text, "shop 7;db 7;");
	lives = (struct lives){0};
	assert_int_equal(events_ended_lives(e, on_life, &lives), 0);
	assert_string_equal(lives.text, "shop 8;");
	events_close(e);
}

static void on_event(void *userdata)
{
	struct listener *l = userdata;

	l->n++;
	l->seq = events_newest(l->events);
}

static void on_event_leave(void *userdata)
{
	struct listener *l = userdata;

	on_event(userdata);
	events_unsubscribe(l->self);
	if (l->other) {
		events_unsubscribe(l->other->self);
		l->other = NULL;
	}
}

static void events_are_told_to_subscribers_that_may_leave_at_any_time(void **state)
{
	struct events *e = reopen(*state, NULL);
	struct listener third = {.events = e};
	struct listener second = {.events = e};
	struct listener first = {.other = &second, .events = e};

	assert_int_equal(events_subscribe(e, on_event_leave, &first, &first.self), 0);
	assert_int_equal(events_subscribe(e, on_event, &second, &second.self), 0);
	assert_int_equal(events_subscribe(e, on_event, &third, &third.self), 0);
	add(e, NULL, "one");
	add(e, NULL, "two");
	assert_int_equal(first.n, 1);
	assert_int_equal(second.n, 0);
	assert_int_equal(third.n, 2);
	assert_int_equal(third.seq, 2);
	events_unsubscribe(third.self);
	events_unsubscribe(NULL);
	add(e, NULL, "three");
	assert_int_equal(third.n, 2);
	events_close(e);
}

static void events_close_ends_subscriptions(void **state)
{
	struct events *e = reopen(*state, NULL);
	struct listener l = {.events = e};

	assert_int_equal(events_subscribe(e, on_event, &l, &l.self), 0);
	events_close(e);
	events_close(NULL);
}

static int setup(void **state)
{
	static struct temp t;

	temp_init(&t);
	*state = &t;
	return 0;
}

static void events_happen_when_they_are_said_to_have(void **state)
{
	struct event event = {.kind = "exit", .text = "t", .level = "error", .at_usec = 77};
	struct events *e = reopen(*state, NULL);
	cleanup_json json_t *all = NULL;

	events_add(e, &event);
	all = events_since(e, 0, 10, NULL);
	assert_int_equal(json_get_uint(json_array_get(all, 0), "at_usec", 0), 77);
	assert_string_equal(json_get_string(json_array_get(all, 0), "level"), "error");
	events_close(e);
}

struct walk {
	uint64_t next;
	uint64_t last;
};

static bool on_walk(uint64_t seq, const char *line, size_t len, void *userdata)
{
	struct walk *w = userdata;
	char head[32];
	int n = snprintf(head, sizeof(head), "{\"seq\":%u,", (unsigned)seq);

	assert_int_equal(seq, w->next++);
	assert_memory_equal(line, head, (size_t)n);
	assert_int_equal(line[len - 1], '}');
	return seq != w->last;
}

static void events_are_walked_from_any_number_on(void **state)
{
	static const struct {
		uint64_t since, last, next;
	} walks[] = {
		{0, 0, 1001},   {0, 3, 4},        {500, 0, 1001},  {500, 900, 901},
		{990, 0, 1001}, {998, 999, 1000}, {1000, 0, 1001},
	};
	struct events *e = reopen(*state, NULL);

	for (int i = 0; i < 1000; i++)
		add(e, "shop", "again");
	for (size_t i = 0; i < ARRAY_LEN(walks); i++) {
		struct walk w = {.next = walks[i].since + 1, .last = walks[i].last};

		assert_int_equal(events_walk(e, walks[i].since, on_walk, &w), 0);
		assert_int_equal(w.next, walks[i].next);
	}
	events_close(e);
}

static int teardown(void **state)
{
	temp_done(*state);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(events_are_numbered_and_stamped),
		TEST(events_say_whom_they_are_about),
		TEST(events_numbers_go_on_after_a_restart),
		TEST(events_torn_line_keeps_its_number),
		TEST(events_limit_counts_from_the_end_that_was_asked_for),
		TEST(events_of_named_services_only),
		TEST(events_beyond_the_ring_come_from_disk),
		TEST(events_files_are_bounded),
		TEST(events_go_on_when_the_disk_takes_nothing),
		TEST(events_unreadable_file_is_an_error),
		TEST(events_lives_are_those_that_began_or_ended),
		TEST(events_are_told_to_subscribers_that_may_leave_at_any_time),
		TEST(events_close_ends_subscriptions),
		TEST(events_happen_when_they_are_said_to_have),
		TEST(events_are_walked_from_any_number_on),
	};

	return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
