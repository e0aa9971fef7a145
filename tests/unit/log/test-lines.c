/* SPDX-License-Identifier: MIT */

/*
 * Lines found forwards and backwards must be the same ones, wherever one starts to look.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "log/lines.h"

static void next_line_with_newline_is_whole(void **state)
{
	struct line_piece piece;

	assert_int_equal(lines_next("abc\ndef", 7, 0, &piece), 1);
	assert_int_equal(piece.text_bytes, 3);
	assert_int_equal(piece.total_bytes, 4);
	assert_true(piece.ended);
	assert_false(piece.cut);
}

static void next_line_without_newline_needs_more(void **state)
{
	struct line_piece piece;

	assert_int_equal(lines_next("abc", 3, 0, &piece), 0);
	assert_int_equal(lines_next("", 0, 0, &piece), 0);
}

static void next_empty_line_has_no_text(void **state)
{
	struct line_piece piece;

	assert_int_equal(lines_next("\n\n", 2, 7, &piece), 1);
	assert_int_equal(piece.text_bytes, 0);
	assert_int_equal(piece.total_bytes, 1);
}

static void next_line_with_nul_bytes_keeps_them(void **state)
{
	struct line_piece piece;

	assert_int_equal(lines_next("a\0b\n", 4, 0, &piece), 1);
	assert_int_equal(piece.text_bytes, 3);
}

static char *filled(size_t n)
{
	char *bytes = malloc(n);

	assert_non_null(bytes);
	memset(bytes, 'x', n);
	return bytes;
}

static void next_line_of_the_longest_length_is_not_cut(void **state)
{
	char *bytes = filled(LINE_BYTES_MAX + 1);
	struct line_piece piece;

	bytes[LINE_BYTES_MAX] = '\n';
	assert_int_equal(lines_next(bytes, LINE_BYTES_MAX + 1, 5, &piece), 1);
	assert_int_equal(piece.text_bytes, LINE_BYTES_MAX);
	assert_false(piece.cut);
	free(bytes);
}

static void next_longer_line_is_cut_at_a_multiple(void **state)
{
	char *bytes = filled(LINE_BYTES_MAX + 1);
	struct line_piece piece;

	assert_int_equal(lines_next(bytes, LINE_BYTES_MAX + 1, 100, &piece), 1);
	assert_int_equal(piece.text_bytes, LINE_BYTES_MAX - 100);
	assert_int_equal(piece.total_bytes, LINE_BYTES_MAX - 100);
	assert_true(piece.cut);
	assert_int_equal(lines_next(bytes, LINE_BYTES_MAX + 1, LINE_BYTES_MAX, &piece), 1);
	assert_int_equal(piece.text_bytes, LINE_BYTES_MAX);
	free(bytes);
}

static void back_finds_the_line_before(void **state)
{
	uint64_t start;

	assert_int_equal(lines_back("abc\ndef\n", 8, 8, true, &start), 1);
	assert_int_equal(start, 4);
	assert_int_equal(lines_back("abc\n", 4, 4, true, &start), 1);
	assert_int_equal(start, 0);
	assert_int_equal(lines_back("\n", 1, 1, true, &start), 1);
	assert_int_equal(start, 0);
}

static void back_without_newline_needs_more_unless_it_is_hard(void **state)
{
	uint64_t start;

	assert_int_equal(lines_back("abc\n", 4, 100, false, &start), 0);
	assert_int_equal(lines_back("abc\n", 4, 100, true, &start), 1);
	assert_int_equal(start, 96);
}

static void align_finds_the_line_around(void **state)
{
	uint64_t start;

	assert_int_equal(lines_align("abc\nde", 6, 16, false, &start), 1);
	assert_int_equal(start, 14);
	assert_int_equal(lines_align("abc\n", 4, 14, false, &start), 1);
	assert_int_equal(start, 14);
	assert_int_equal(lines_align("abc", 3, 13, false, &start), 0);
	assert_int_equal(lines_align("abc", 3, 3, true, &start), 1);
	assert_int_equal(start, 0);
}

/* --- both directions, on lines of all lengths ------------------------------------------------- */

#define TEXT_BYTES (9 * LINE_BYTES_MAX + 1234)
#define PIECES_MAX 4096

static size_t pieces_forward(const char *text, uint64_t *starts)
{
	size_t n = 0;

	for (uint64_t at = 0; at < TEXT_BYTES;) {
		struct line_piece piece;

		if (lines_next(text + at, TEXT_BYTES - at, at, &piece) == 0)
			piece.total_bytes = TEXT_BYTES - at;
		assert_true(piece.total_bytes > 0);
		assert_true(n < PIECES_MAX);
		starts[n++] = at;
		at += piece.total_bytes;
	}
	return n;
}

static uint64_t look_back(const char *text, uint64_t at, int align)
{
	static const size_t windows[] = {1, 100, LINE_LOOK_BACK_MAX};
	uint64_t start = 0;

	for (size_t i = 0; i < ARRAY_LEN(windows); i++) {
		size_t n = MIN_OF(windows[i], (size_t)at);
		int r = align ? lines_align(text + at - n, n, at, n == at, &start)
			      : lines_back(text + at - n, n, at, n == at, &start);

		if (r > 0)
			return start;
	}
	fail_msg("not even LINE_LOOK_BACK_MAX bytes were enough");
	return 0;
}

static void check_both_directions(const char *text)
{
	static uint64_t starts[PIECES_MAX];
	size_t n = pieces_forward(text, starts);
	uint64_t at = TEXT_BYTES;

	for (size_t i = n; i > 0; i--) {
		at = look_back(text, at, 0);
		assert_int_equal(at, starts[i - 1]);
	}
	assert_int_equal(at, 0);
	/* From any place one comes to the beginning of a piece, and not behind that place. */
	for (uint64_t place = 1; place < TEXT_BYTES; place += 997) {
		uint64_t start = look_back(text, place, 1);
		size_t i = 0;

		assert_true(start <= place);
		while (i < n && starts[i] < start)
			i++;
		assert_true(i < n && starts[i] == start);
	}
}

static void pieces_are_the_same_in_both_directions(void **state)
{
	static const unsigned newline_every[] = {3,     100,   20000,  65536,
						 65537, 70000, 131072, 400000};
	char *text = malloc(TEXT_BYTES);
	unsigned seed = 1;

	assert_non_null(text);
	for (size_t k = 0; k < ARRAY_LEN(newline_every); k++) {
		size_t next = 0;

		if (TEXT_BYTES / newline_every[k] > PIECES_MAX / 4)
			continue;
		memset(text, 'x', TEXT_BYTES);
		while (true) {
			seed = seed * 1103515245 + 12345;
			next += seed / 65536 % (2 * newline_every[k]);
			if (next >= TEXT_BYTES)
				break;
			text[next] = '\n';
		}
		check_both_directions(text);
	}
	/* Exactly at the limits. */
	for (size_t length = LINE_BYTES_MAX - 2; length <= LINE_BYTES_MAX + 2; length++) {
		memset(text, 'x', TEXT_BYTES);
		for (size_t i = length; i < TEXT_BYTES; i += length + 1)
			text[i] = '\n';
		check_both_directions(text);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(next_line_with_newline_is_whole),
		cmocka_unit_test(next_line_without_newline_needs_more),
		cmocka_unit_test(next_empty_line_has_no_text),
		cmocka_unit_test(next_line_with_nul_bytes_keeps_them),
		cmocka_unit_test(next_line_of_the_longest_length_is_not_cut),
		cmocka_unit_test(next_longer_line_is_cut_at_a_multiple),
		cmocka_unit_test(back_finds_the_line_before),
		cmocka_unit_test(back_without_newline_needs_more_unless_it_is_hard),
		cmocka_unit_test(align_finds_the_line_around),
		cmocka_unit_test(pieces_are_the_same_in_both_directions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
