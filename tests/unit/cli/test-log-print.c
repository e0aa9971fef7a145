/* SPDX-License-Identifier: MIT */
#include "cli/log-print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/json.h"
#include "lib/text.h"

static json_t *line_at(int at_usec, const char *text)
{
	return json_pack("{s:s, s:i, s:s, s:i, s:s}", "service", "a", "instance", 0, "stream",
			 "out", "at_usec", at_usec, "text", text);
}

static json_t *event_at(int at_usec, const char *text)
{
	return json_pack("{s:s, s:i, s:i, s:s}", "service", "a", "instance", 0, "at_usec", at_usec,
			 "text", text);
}

/* The last word of each line of the output. */
static void assert_words(const struct text *out, const char *expected)
{
	cleanup_text struct text words = {0};
	const char *s = out->data ? out->data : "";

	while (*s) {
		size_t len = strcspn(s, "\n");
		size_t word = len;

		while (word > 0 && s[word - 1] != ' ')
			word--;
		text_add_bytes(&words, s + word, len - word);
		text_add(&words, " ");
		s += len + 1;
	}
	assert_string_equal(words.data ? words.data : "", expected);
}

static void add_events(struct log_print *p, json_t *events)
{
	assert_int_equal(log_print_add_events(p, events), 0);
	json_decref(events);
}

static void add_lines(struct log_print *p, json_t *lines, struct text *out)
{
	log_print_lines(p, lines, out);
	json_decref(lines);
}

static void events_stand_in_front_of_the_line_that_came_after_them(void **state)
{
	cleanup(log_print_done) struct log_print p = {.from_usec = 0};
	cleanup_text struct text out = {0};

	add_events(&p, json_pack("[o, o, o]", event_at(10, "started"), event_at(20, "ready"),
				 event_at(50, "stopped")));
	add_lines(&p, json_pack("[o, o]", line_at(10, "one"), line_at(15, "two")), &out);
	add_lines(&p, json_pack("[o]", line_at(30, "three")), &out);
	log_print_events(&p, USEC_INFINITY, &out);
	assert_words(&out, "started one two ready three stopped ");
}

static void events_before_the_first_line_are_not_shown(void **state)
{
	cleanup(log_print_done) struct log_print p = {.from_usec = USEC_INFINITY};
	cleanup_text struct text out = {0};

	add_events(&p, json_pack("[o, o]", event_at(5, "old"), event_at(12, "new")));
	add_lines(&p, json_pack("[o, o]", line_at(10, "one"), line_at(15, "two")), &out);
	assert_words(&out, "one new two ");
}

static void events_after_the_end_wait(void **state)
{
	cleanup(log_print_done) struct log_print p = {.from_usec = 0};
	cleanup_text struct text out = {0};

	add_events(&p, json_pack("[o, o]", event_at(5, "in"), event_at(12, "out")));
	log_print_events(&p, 10, &out);
	assert_words(&out, "in ");
	add_events(&p, json_pack("[o]", event_at(13, "later")));
	log_print_events(&p, USEC_INFINITY, &out);
	assert_words(&out, "in out later ");
}

static void json_is_lines_and_nothing_else(void **state)
{
	cleanup(log_print_done) struct log_print p = {.from_usec = 0, .json = true};
	cleanup_text struct text out = {0};
	cleanup_json json_t *line = NULL;

	add_events(&p, json_pack("[o]", event_at(5, "started")));
	add_lines(&p, json_pack("[o]", line_at(10, "one")), &out);
	log_print_events(&p, USEC_INFINITY, &out);
	line = json_loads(out.data, 0, NULL);
	assert_string_equal(json_get_string(line, "text"), "one");
	assert_int_equal(p.n_lines, 1);
}

static void line_without_an_end_is_left_out_where_it_will_come_again(void **state)
{
	cleanup(log_print_done) struct log_print p = {.from_usec = 0, .whole = true};
	cleanup_text struct text out = {0};
	json_t *open = line_at(10, "half");

	assert_int_equal(json_object_set_new(open, "open", json_true()), 0);
	add_lines(&p, json_pack("[o, o]", line_at(9, "one"), open), &out);
	assert_words(&out, "one ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_stand_in_front_of_the_line_that_came_after_them),
		cmocka_unit_test(events_before_the_first_line_are_not_shown),
		cmocka_unit_test(events_after_the_end_wait),
		cmocka_unit_test(json_is_lines_and_nothing_else),
		cmocka_unit_test(line_without_an_end_is_left_out_where_it_will_come_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
