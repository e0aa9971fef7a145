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
#include "log/tape.h"
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

/* --- lines that are passed by their number ---------------------------------------------------- */

#define ROUNDS 3
#define STEPS 1500

static const struct stream_id shop_err = {.service = "shop", .stream = INTAKE_STREAM_ERR};
static const struct stream_id teller = {.service = "supervisor", .stream = INTAKE_STREAM_EVENT};

static uint64_t n_leapt;
static usec_t now_usec;

int __real_tape_leap(struct tape *t, uint64_t max_lines, usec_t since_usec, uint64_t *ret_n_lines);
int __wrap_tape_leap(struct tape *t, uint64_t max_lines, usec_t since_usec, uint64_t *ret_n_lines);

int __wrap_tape_leap(struct tape *t, uint64_t max_lines, usec_t since_usec, uint64_t *ret_n_lines)
{
	int r = __real_tape_leap(t, max_lines, since_usec, ret_n_lines);

	n_leapt += *ret_n_lines;
	return r;
}

static void tell(struct pen *p, const char *kind, uint64_t life)
{
	bool ends = kind[0] == 'e';
	char text[256];
	int n = snprintf(text, sizeof(text),
			 "{\"kind\":\"%s\",\"text\":\"(%s %lu)\",\"at_usec\":%lu,"
			 "\"service\":\"shop\",\"instance\":0,%s\"life\":%lu%s}\n",
			 kind, kind, (unsigned long)life, (unsigned long)(now_usec - any(20)),
			 ends ? "\"exit\":{" : "", (unsigned long)life, ends ? "}" : "");

	p->at_usec = now_usec;
	pen_write(p, text, (size_t)n);
}

static void print_lines(struct pen *p, unsigned n_lines)
{
	static unsigned number;
	char text[4096];
	size_t n = 0;

	for (unsigned i = 0; i < n_lines; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%u\n", number++);
	p->at_usec = now_usec;
	pen_write(p, text, n);
}

/* Two streams of one service with many lives, some cut short, and the events of another. */
static void streams_write(void)
{
	struct pen out = {.log_fd = -1, .index_fd = -1, .seq = 1000}, err = out, events = out;
	struct pen *const pens[] = {&out, &err}, *p = &out;
	uint64_t life = 100;

	err.id = &shop_err;
	events.id = &teller;
	pen_next(&events, false);
	for (unsigned i = 0; i < STEPS; i++) {
		if (any(50) == 0)
			p = pens[any(2)];
		now_usec += any(60);
		if (i % 400 == 0) {
			if (i > 0 && any(2))
				pen_line(&out, any(30), false);
			tell(&events, "exit", life);
			life += 10;
			for (size_t k = 0; k < ARRAY_LEN(pens); k++) {
				pens[k]->at_usec = now_usec;
				if (i % 800 == 0)
					pen_next(pens[k], false);
				pens[k]->life = life - 10;
				pen_begin_life(pens[k]);
			}
			tell(&events, "start", life);
		}
		print_lines(p, 1 + any(60));
		if (any(100) == 0) {
			pen_line(p, any(30), any(2));
			pen_record(p, INDEX_DROPPED, 5);
			pen_line(p, any(900), true);
		}
		if (any(100) == 0)
			tell(&events, "ready", 0);
	}
	pen_close(&out);
	pen_close(&err);
	pen_close(&events);
}

static void tail_read(int tail, usec_t until_usec, const char *level, struct text *said)
{
	struct query *q =
		query_of(json_pack("{s:[s], s:i, s:I, s:s*}", "names", "shop", "tail", tail,
				   "until_at_usec", (json_int_t)until_usec, "level", level));

	query_read(q, said);
	query_free(q);
}

static void tail_is_the_same_whether_its_lines_are_counted_or_looked_at(void **state)
{
	pen_packs = true;
	pen_damages = 0;
	pen_frame_bytes = 1024;
	for (unsigned round = 1; round <= ROUNDS; round++) {
		pen_seed = round;
		now_usec = 1000000;
		if (round > 1)
			assert_int_equal(setup(state), 0);
		assert_int_equal(store_make_folder(&store, "supervisor"), 0);
		streams_write();
		for (int tail = 1; tail < 60000; tail += 1 + (int)any(12000)) {
			cleanup_text struct text counted = {0}, looked_at = {0};
			usec_t until_usec = any(2) ? now_usec - any(40000) : 0;

			tail_read(tail, until_usec, NULL, &counted);
			tail_read(tail, until_usec, "debug", &looked_at);
			assert_string_equal(counted.data ?: "", looked_at.data ?: "");
		}
		if (round < ROUNDS)
			assert_int_equal(teardown(state), 0);
	}
	pen_packs = false;
	pen_frame_bytes = 0;
	pen_damages = 3;
	assert_true(n_leapt > 50000);
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
		cmocka_unit_test_setup_teardown(
			tail_is_the_same_whether_its_lines_are_counted_or_looked_at, setup,
			teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
