/* SPDX-License-Identifier: MIT */

/*
 * The events' way into the store, with a collector that the test plays: it takes pipes, says when
 * they are drained, answers what it has stored, and dies in between.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/fd.h"
#include "lib/json.h"
#include "supervisor/collector-link.h"
#include "supervisor/events.h"
#include "supervisor/timeline.h"
#include "tests/unit/lib/temp.h"
#include "tests/unit/supervisor/until.h"

#define BYTES_MAX ((size_t)4 * 1024 * 1024)

/* @collector: its end of the intake, @frame and @pipe: the offer that it got last. @asker: who asks
 * what is stored. @bytes: what came out of the pipe. */
struct world {
	struct temp temp;
	struct loop *loop;
	struct events *events;
	struct collector_link *link;
	struct timeline *timeline;
	int intake, varlink;
	int collector, pipe, asker;
	struct intake_frame frame;
	char *bytes;
	size_t n_bytes, n_wanted;
};

static void add(struct world *w, const char *text)
{
	struct event event = {.kind = "start", .text = text, .service = "shop"};

	events_add(w->events, &event);
}

static void add_many(struct world *w, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		add(w, "again and again and again and again and again and again and again");
}

/* --- the collector's side ------------------------------------------------------------------ */

static bool has_offer(void *userdata)
{
	struct world *w = userdata;
	size_t n_fds = 0;
	int fd = -1;

	if (w->collector < 0)
		w->collector = accept4(w->intake, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (w->collector < 0 || fd_receive(w->collector, &w->frame, sizeof(w->frame), &fd, 1,
					   &n_fds) != sizeof(w->frame))
		return false;
	assert_int_equal(n_fds, 1);
	close_fd(&w->pipe);
	w->pipe = fd;
	return true;
}

/* Taken from the pipe that was offered last. */
static bool has_taken(void *userdata)
{
	struct world *w = userdata;
	ssize_t n = read(w->pipe, w->bytes + w->n_bytes, BYTES_MAX - w->n_bytes - 1);

	if (n > 0)
		w->n_bytes += (size_t)n;
	w->bytes[w->n_bytes] = '\0';
	return w->n_bytes >= w->n_wanted;
}

static bool is_asked(void *userdata)
{
	struct world *w = userdata;
	char call[1024];
	ssize_t n;

	if (w->asker < 0)
		w->asker = accept4(w->varlink, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	n = w->asker < 0 ? -1 : recv(w->asker, call, sizeof(call) - 1, 0);
	if (n <= 0)
		return false;
	call[n] = '\0';
	assert_non_null(strstr(call, "io.slicekeep.log.Query"));
	assert_non_null(strstr(call, "\"event\""));
	return true;
}

static void offered(struct world *w)
{
	assert_true(until(w->loop, has_offer, w));
	assert_int_equal(w->frame.magic, INTAKE_MAGIC);
	assert_int_equal(w->frame.kind, INTAKE_OFFER);
	assert_int_equal(w->frame.stream, INTAKE_STREAM_EVENT);
	assert_string_equal(w->frame.name, "supervisor");
}

/* The empty pipe came, and is all stored. */
static void drain(struct world *w)
{
	char byte;

	offered(w);
	assert_int_equal(read(w->pipe, &byte, 1), 0);
	w->frame.kind = INTAKE_DRAINED;
	assert_int_equal(fd_send(w->collector, &w->frame, sizeof(w->frame), NULL, 0), 0);
}

static void answer(struct world *w, const char *reply)
{
	assert_true(until(w->loop, is_asked, w));
	assert_int_equal(fd_write_all(w->asker, reply, strlen(reply) + 1), 0);
}

static void answer_stored(struct world *w, uint64_t seq)
{
	char reply[128];

	(void)snprintf(reply, sizeof(reply), "{\"parameters\":{\"lines\":[{\"seq\":%" PRIu64 "}]}}",
		       seq);
	answer(w, reply);
}

static void take(struct world *w, size_t n_bytes)
{
	w->n_wanted = n_bytes;
	assert_true(until(w->loop, has_taken, w));
}

static size_t n_lines(const struct world *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n_bytes; i++)
		n += w->bytes[i] == '\n';
	return n;
}

static bool has_all(void *userdata)
{
	struct world *w = userdata;

	w->n_wanted = SIZE_MAX;
	(void)has_taken(w);
	return n_lines(w) == events_newest(w->events);
}

/* Whole lines with these numbers, one after the other. */
static void assert_lines(const struct world *w, uint64_t first, uint64_t last)
{
	const char *at = w->bytes;

	for (uint64_t seq = first; seq <= last; seq++) {
		const char *end = strchr(at, '\n');
		cleanup_json json_t *event = NULL;

		assert_non_null(end);
		event = json_loadb(at, (size_t)(end - at), 0, NULL);
		assert_non_null(event);
		assert_int_equal(json_get_uint(event, "seq", 0), seq);
		at = end + 1;
	}
	assert_int_equal(*at, '\0');
}

/* A collector that has nothing, and takes everything from now on. */
static void begin(struct world *w)
{
	drain(w);
	answer(w,
	       "{\"error\":\"io.slicekeep.log.NoSuchService\",\"parameters\":{\"message\":\"\"}}");
	offered(w);
}

/* --- tests --------------------------------------------------------------------------------- */

/* Without the reader of a store that has nothing for it. */
static void timeline_without_history_asks_nobody(void **state)
{
	struct world *w = *state;

	offered(w);
	add(w, "the very first");
	take(w, 1);
	assert_lines(w, 1, 1);
	assert_false(is_asked(w));
}

static void timeline_begins_behind_what_is_stored(void **state)
{
	struct world *w = *state;
	uint64_t earlier;

	add_many(w, 5);
	drain(w);
	earlier = w->frame.life;
	answer_stored(w, 3);
	offered(w);
	assert_true(w->frame.life > earlier);
	assert_int_equal(w->frame.policy, INTAKE_POLICY_BLOCK);
	add(w, "one more");
	take(w, 1);
	assert_lines(w, 4, 7);
}

static void timeline_of_a_new_store_begins_with_what_there_is(void **state)
{
	struct world *w = *state;

	add_many(w, 300);
	begin(w);
	assert_true(until(w->loop, has_all, w));
	assert_lines(w, 1, 301);
}

static void timeline_of_a_new_state_begins_anew(void **state)
{
	struct world *w = *state;

	add_many(w, 2);
	drain(w);
	answer_stored(w, 812);
	offered(w);
	take(w, 1);
	assert_lines(w, 1, 3);
}

static void timeline_collector_that_dies_before_it_says_drained_is_waited_for(void **state)
{
	struct world *w = *state;

	add(w, "one");
	for (int i = 0; i < 3; i++) {
		offered(w);
		close_fd(&w->collector);
	}
	begin(w);
	take(w, 1);
	assert_lines(w, 1, 2);
}

static void timeline_store_that_does_not_answer_is_asked_again(void **state)
{
	struct world *w = *state;

	add(w, "one");
	drain(w);
	assert_true(until(w->loop, is_asked, w));
	close_fd(&w->asker);
	answer(w, "{\"error\":\"io.slicekeep.log.Failed\",\"parameters\":{\"message\":\"x\"}}");
	close_fd(&w->asker);
	answer_stored(w, 0);
	offered(w);
	take(w, 1);
	assert_lines(w, 1, 2);
}

static void timeline_collector_that_is_replaced_gets_the_same_pipe(void **state)
{
	struct world *w = *state;
	struct stat before, after;
	uint64_t life;

	begin(w);
	assert_int_equal(fstat(w->pipe, &before), 0);
	life = w->frame.life;
	close_fd(&w->collector);
	close_fd(&w->pipe);
	add_many(w, 3);
	offered(w);
	assert_int_equal(fstat(w->pipe, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(w->frame.life, life);
	take(w, 1);
	assert_lines(w, 1, 4);
}

static void timeline_full_pipe_costs_no_event(void **state)
{
	struct world *w = *state;

	begin(w);
	add_many(w, 3000);
	assert_int_equal(w->n_bytes, 0);
	assert_true(until(w->loop, has_all, w));
	assert_true(w->n_bytes > (size_t)3 * 65536);
	assert_lines(w, 1, 3001);
	add(w, "and on it goes");
	assert_true(until(w->loop, has_all, w));
	assert_lines(w, 1, 3002);
}

static void timeline_says_what_the_history_has_lost(void **state)
{
	struct world *w = *state;
	cleanup_json json_t *lost = NULL;
	const char *gap;

	begin(w);
	add_many(w, 30000);
	w->n_wanted = 1;
	take(w, 1);
	while (!(gap = strstr(w->bytes, "\"kind\":\"lost\"")))
		take(w, w->n_bytes + 1);
	take(w, w->n_bytes + PIPE_BUF);
	while (gap[-1] != '\n')
		gap--;
	lost = json_loads(gap, JSON_DISABLE_EOF_CHECK, NULL);
	assert_non_null(lost);
	assert_string_equal(json_get_string(lost, "level"), "warning");
	assert_non_null(strstr(json_get_string(lost, "text"), "events are missing here"));
}

static void timeline_long_event_is_one_short_line(void **state)
{
	static char exit[9000];
	struct event event = {.kind = "exit", .text = "exit 1", .service = "shop", .exit = exit};
	struct world *w = *state;

	(void)snprintf(exit, sizeof(exit), "{\"life\":7,\"path\":\"%08000d\"}", 0);
	begin(w);
	events_add(w->events, &event);
	add(w, "next");
	assert_true(until(w->loop, has_all, w));
	assert_lines(w, 1, 3);
	assert_true(w->n_bytes < PIPE_BUF);
	assert_null(strstr(w->bytes, "\"exit\":{"));
}

/* --- the world ----------------------------------------------------------------------------- */

static int begin_timeline(struct world *w)
{
	return timeline_new(w->loop, w->events, w->link, temp_path(&w->temp, "log.sock"),
			    &w->timeline);
}

static int setup_first(void **state)
{
	static struct world w;

	w = (struct world){.collector = -1, .pipe = -1, .asker = -1};
	temp_init(&w.temp);
	w.bytes = calloc(1, BYTES_MAX);
	w.intake = fd_unix_listen(temp_path(&w.temp, "log.intake"), SOCK_SEQPACKET, 0600);
	w.varlink = fd_unix_listen(temp_path(&w.temp, "log.sock"), SOCK_STREAM, 0600);
	if (!w.bytes || w.intake < 0 || w.varlink < 0 || loop_new(&w.loop) < 0 ||
	    events_open(w.temp.path, &w.events) < 0 ||
	    collector_link_new(w.loop, temp_path(&w.temp, "log.intake"), &w.link) < 0)
		return -1;
	*state = &w;
	return begin_timeline(&w);
}

/* An event of a former life is in the history: number 1. */
static int setup(void **state)
{
	struct world *w;

	if (setup_first(state) < 0)
		return -1;
	w = *state;
	timeline_free(w->timeline);
	add(w, "of a former life");
	return begin_timeline(w);
}

static int teardown(void **state)
{
	struct world *w = *state;

	timeline_free(w->timeline);
	collector_link_free(w->link);
	events_close(w->events);
	loop_free(w->loop);
	close_fd(&w->collector);
	close_fd(&w->pipe);
	close_fd(&w->asker);
	close_fd(&w->intake);
	close_fd(&w->varlink);
	free(w->bytes);
	temp_done(&w->temp);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(timeline_without_history_asks_nobody, setup_first,
						teardown),
		TEST(timeline_begins_behind_what_is_stored),
		TEST(timeline_of_a_new_store_begins_with_what_there_is),
		TEST(timeline_of_a_new_state_begins_anew),
		TEST(timeline_collector_that_dies_before_it_says_drained_is_waited_for),
		TEST(timeline_store_that_does_not_answer_is_asked_again),
		TEST(timeline_collector_that_is_replaced_gets_the_same_pipe),
		TEST(timeline_full_pipe_costs_no_event),
		TEST(timeline_says_what_the_history_has_lost),
		TEST(timeline_long_event_is_one_short_line),
	};

	return cmocka_run_group_tests_name("timeline", tests, NULL, NULL);
}
