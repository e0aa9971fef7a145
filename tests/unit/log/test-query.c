/* SPDX-License-Identifier: MIT */

/*
 * Queries over a store that was written by hand: which lines come, and where a cursor goes on.
 */

#include "log/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/error.h"
#include "lib/text.h"
#include "tests/unit/lib/temp.h"
#include "tests/unit/log/pen.h"

static struct temp temp;
static struct pen pen;

static int setup(void **state)
{
	temp_init(&temp);
	assert_int_equal(store_open(&store, temp.path, false, NULL), 0);
	assert_int_equal(store_make_folder(&store, "shop"), 0);
	pen = (struct pen){.log_fd = -1, .index_fd = -1, .at_usec = 1000};
	pen_next(&pen, false);
	pen_begin_life(&pen);
	return 0;
}

static int teardown(void **state)
{
	pen_close(&pen);
	store_done(&store);
	temp_done(&temp);
	return 0;
}

/* A line a microsecond: "1" is stored at 1001. */
static void write_line(const char *text)
{
	char line[16];
	int n = snprintf(line, sizeof(line), "%s\n", text);

	assert_int_equal(write(pen.log_fd, line, (size_t)n), n);
	pen.bytes += (uint64_t)n;
	pen.at_usec++;
	pen_record(&pen, INDEX_DATA, pen.life);
}

static struct query *query_of(json_t *filter)
{
	struct filter f;
	struct query *q = NULL;

	assert_non_null(filter);
	assert_int_equal(filter_read(filter, &f, NULL), 0);
	json_decref(filter);
	assert_int_equal(query_new(&store, &f, false, &q, NULL), 0);
	return q;
}

/* Add all that comes, "*" for what was dropped. */
static void query_read(struct query *q, struct text *said)
{
	const struct line *line;
	int r;

	do {
		unsigned budget = 1;

		r = query_next(q, &budget, &line);
		if (r == 1)
			text_addf(said, "%.*s ", line->dropped ? 1 : (int)line->n_bytes,
				  line->dropped ? "*" : line->text);
	} while (r == 1 || r == QUERY_PAUSE);
	assert_int_equal(r, QUERY_END);
}

/* @filter: taken over. @ret_cursor: NULL, or what the caller frees. */
static void assert_query(json_t *filter, const char *expected, char **ret_cursor)
{
	struct query *q = query_of(filter);
	cleanup_text struct text said = {0}, cursor = {0};

	query_read(q, &said);
	assert_string_equal(said.data ?: "", expected);
	if (ret_cursor) {
		assert_true(query_cursor(q, &cursor));
		*ret_cursor = text_take(&cursor);
	}
	query_free(q);
}

static void tail_has_the_newest_lines_though_something_was_dropped_between(void **state)
{
	write_line("1");
	write_line("2");
	pen_record(&pen, INDEX_DROPPED, 7);
	write_line("3");
	pen_record(&pen, INDEX_DROPPED, 7);
	pen_record(&pen, INDEX_DROPPED, 8);
	write_line("4");
	assert_query(json_pack("{s:i}", "tail", 3), "2 * 3 * * 4 ", NULL);
	assert_query(json_pack("{s:i}", "tail", 1), "4 ", NULL);
	pen_record(&pen, INDEX_DROPPED, 9);
	assert_query(json_pack("{s:i}", "tail", 2), "3 * * 4 * ", NULL);
}

static void what_was_dropped_after_a_time_is_said_from_then_on(void **state)
{
	write_line("1");
	pen.at_usec = 2000;
	pen_record(&pen, INDEX_DROPPED, 7);
	write_line("2");
	assert_query(json_pack("{s:i}", "since_at_usec", 1500), "* 2 ", NULL);
	assert_query(json_pack("{s:i}", "since_at_usec", 2001), "2 ", NULL);
	assert_query(json_pack("{s:i}", "until_at_usec", 1500), "1 ", NULL);
	assert_query(json_pack("{s:i}", "until_at_usec", 2000), "1 * ", NULL);
}

static void cursor_goes_on_where_the_time_ended_in_whatever_segment(void **state)
{
	char *cursor;

	for (int i = 0; i < 3; i++) {
		write_line("1");
		write_line("2");
		pen_next(&pen, false);
	}
	write_line("3");
	assert_query(json_pack("{s:i}", "until_at_usec", 1001), "1 ", &cursor);
	assert_query(json_pack("{s:s, s:i}", "cursor", cursor, "until_at_usec", 1003), "2 1 ",
		     NULL);
	assert_query(json_pack("{s:s}", "cursor", cursor), "2 1 2 1 2 3 ", NULL);
	free(cursor);
}

/* The clock was ahead for a while: what came then keeps its place and its time. */
static void clock_set_forward_and_back_moves_no_line_and_hides_no_new_one(void **state)
{
	write_line("1");
	write_line("2");
	pen.at_usec = 125000;
	write_line("3");
	pen.at_usec = 1100;
	pen_next(&pen, false);
	write_line("4");
	write_line("5");
	assert_query(json_pack("{}"), "1 2 3 4 5 ", NULL);
	assert_query(json_pack("{s:i}", "since_at_usec", 1002), "2 3 4 5 ", NULL);
	assert_query(json_pack("{s:i}", "since_at_usec", 1100), "3 4 5 ", NULL);
	assert_query(json_pack("{s:i}", "since_at_usec", 1102), "5 ", NULL);
	assert_query(json_pack("{s:i}", "until_at_usec", 1002), "1 2 ", NULL);
	assert_query(json_pack("{s:i}", "until_at_usec", 1101), "1 2 4 ", NULL);
	assert_query(json_pack("{s:i, s:i}", "until_at_usec", 1101, "tail", 2), "2 4 ", NULL);
	assert_query(json_pack("{s:i}", "tail", 3), "3 4 5 ", NULL);
}

static void cursor_is_none_while_the_last_lines_are_looked_for(void **state)
{
	cleanup_text struct text said = {0}, cursor = {0};
	const struct line *line;
	unsigned budget = 2;
	struct query *q;

	for (int i = 0; i < 5; i++)
		write_line("1");
	q = query_of(json_pack("{s:i}", "tail", 4));
	assert_int_equal(query_next(q, &budget, &line), QUERY_PAUSE);
	assert_false(query_cursor(q, &cursor));
	assert_null(cursor.data);
	query_read(q, &said);
	assert_string_equal(said.data, "1 1 1 1 ");
	assert_true(query_cursor(q, &cursor));
	query_free(q);
}

/* Those of another store, and those that nobody ever gave: something is shown, or nothing. */
static void cursor_that_fits_nothing_harms_nothing(void **state)
{
	static const struct {
		const char *cursor, *expected;
	} cases[] = {
		{"1", "1 2 3 4 "},
		{"1 db.0.out:1:0:0", "1 2 3 4 "},
		{"1 shop.0.out:0:0:0", "1 2 3 4 "},
		{"1 shop.0.out:0:4711:4711", "1 2 3 4 "},
		{"1 shop.0.out:1:2:2", "2 3 4 "},
		{"1 shop.0.out:1:1000000:1000000", "3 4 "},
		{"1 shop.0.out:1:0:1000000", "1 2 3 4 "},
		{"1 shop.0.out:2:2:0", "4 "},
		{"1 shop.0.out:1795232340:0:0", ""},
		{"1 shop.0.out:9223372036854775807:9223372036854775807:9223372036854775807", ""},
	};

	write_line("1");
	write_line("2");
	pen_next(&pen, false);
	write_line("3");
	write_line("4");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_query(json_pack("{s:s}", "cursor", cases[i].cursor), cases[i].expected,
			     NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			tail_has_the_newest_lines_though_something_was_dropped_between, setup,
			teardown),
		cmocka_unit_test_setup_teardown(what_was_dropped_after_a_time_is_said_from_then_on,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			cursor_goes_on_where_the_time_ended_in_whatever_segment, setup, teardown),
		cmocka_unit_test_setup_teardown(cursor_that_fits_nothing_harms_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			clock_set_forward_and_back_moves_no_line_and_hides_no_new_one, setup,
			teardown),
		cmocka_unit_test_setup_teardown(cursor_is_none_while_the_last_lines_are_looked_for,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
