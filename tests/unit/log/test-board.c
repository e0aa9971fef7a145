/* SPDX-License-Identifier: MIT */

/*
 * The board: what one process notes, another one reads.
 */

#include "log/board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/text.h"

static struct board *board;
static const struct board *view;

static int setup(void **state)
{
	int fd = -1;

	assert_int_equal(board_new(&board, &fd), 0);
	assert_int_equal(board_map(fd, &view), 0);
	close_fd(&fd);
	return 0;
}

static struct board_row *take(const char *service, uint32_t n_pipes)
{
	struct stream_id id = {.stream = 1};
	struct board_row *row;

	(void)snprintf(id.service, sizeof(id.service), "%s", service);
	row = board_row_take(board, &id);
	assert_non_null(row);
	row->n_pipes = n_pipes;
	return row;
}

static void assert_note(const char *expected)
{
	struct text note = {0};

	board_note(view, &note);
	assert_string_equal(note.data ? note.data : "", expected);
	text_done(&note);
}

static void pipes_are_counted_by_service(void **state)
{
	take("shop", 2);
	take("shop", 1);
	take("db", 1);
	assert_int_equal(board_pipes(view, NULL), 4);
	assert_int_equal(board_pipes(view, "shop"), 3);
	assert_int_equal(board_pipes(view, "nobody"), 0);
}

static void row_that_is_free_is_taken_again(void **state)
{
	struct board_row *first = take("shop", 1);

	take("db", 1);
	first->state = BOARD_BLOCKED;
	first->n_pipes = 0;
	assert_ptr_equal(take("web", 1), first);
	assert_int_equal(first->state, BOARD_COLLECTING);
}

static void board_that_is_full_has_no_row(void **state)
{
	struct stream_id id = {.service = "one-more", .stream = 1};

	for (int i = 0; i < BOARD_ROWS_MAX; i++)
		take("shop", 1);
	assert_null(board_row_take(board, &id));
	assert_int_equal(board_pipes(view, NULL), BOARD_ROWS_MAX);
}

static void note_names_who_waits_and_why(void **state)
{
	struct board_row *shop = take("shop", 1), *db = take("db", 1);

	assert_note("");
	shop->state = BOARD_BLOCKED;
	shop->code = -ENOSPC;
	assert_note("No space left on device: shop blocks");
	db->state = BOARD_DROPPING;
	db->code = -EROFS;
	assert_note("No space left on device: shop blocks; Read-only file system: db drops");
	shop->n_pipes = 0;
	assert_note("Read-only file system: db drops");
}

static void note_of_many_ends_in_and_more(void **state)
{
	static const char *const names[] = {"a", "b", "c", "d", "e"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct board_row *row = take(names[i], 1);

		row->state = BOARD_BLOCKED;
		row->code = -EIO;
	}
	assert_note("Input/output error: a blocks; Input/output error: b blocks; "
		    "Input/output error: c blocks; and more");
}

static void lag_is_the_longest_of_the_last_minute(void **state)
{
	usec_t now = 1000 * USEC_PER_SEC;

	assert_int_equal(board_lag(view, now), 0);
	board_lag_note(board, now, 500);
	board_lag_note(board, now, 100);
	assert_int_equal(board_lag(view, now), 500);
	board_lag_note(board, now + 30 * USEC_PER_SEC, 200);
	assert_int_equal(board_lag(view, now + 40 * USEC_PER_SEC), 500);
	assert_int_equal(board_lag(view, now + 70 * USEC_PER_SEC), 200);
	assert_int_equal(board_lag(view, now + 170 * USEC_PER_SEC), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(pipes_are_counted_by_service, setup),
		cmocka_unit_test_setup(row_that_is_free_is_taken_again, setup),
		cmocka_unit_test_setup(board_that_is_full_has_no_row, setup),
		cmocka_unit_test_setup(note_names_who_waits_and_why, setup),
		cmocka_unit_test_setup(note_of_many_ends_in_and_more, setup),
		cmocka_unit_test_setup(lag_is_the_longest_of_the_last_minute, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
