/* SPDX-License-Identifier: MIT */
#include "cli/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/text.h"

static const char *const heads[] = {"NAME", "STATE", ""};
static const struct style plain;
static const struct style coloured = {.terminal = true, .colour = true};

static void table_columns_are_as_wide_as_their_widest_cell(void **state)
{
	cleanup_table struct table t;
	cleanup_text struct text out = {0};

	table_init(&t, heads, ARRAY_LEN(heads));
	table_add(&t, PAINT_NONE, "a");
	table_add(&t, PAINT_NONE, "running");
	table_add(&t, PAINT_NONE, "why a");
	table_add(&t, PAINT_NONE, "longer");
	table_addf(&t, PAINT_NONE, "%d", 1);
	table_add(&t, PAINT_NONE, "");
	assert_int_equal(table_print(&t, &plain, 0, &out), 0);
	assert_string_equal(out.data, "NAME    STATE\n"
				      "a       running  why a\n"
				      "longer  1\n");
}

static void table_width_counts_characters_and_not_bytes(void **state)
{
	cleanup_table struct table t;
	cleanup_text struct text out = {0};

	table_init(&t, heads, ARRAY_LEN(heads));
	table_add(&t, PAINT_NONE, "äöüß");
	table_add(&t, PAINT_NONE, "x");
	table_add(&t, PAINT_NONE, "");
	table_add(&t, PAINT_NONE, "abcdef");
	table_add(&t, PAINT_NONE, "y");
	table_add(&t, PAINT_NONE, "");
	assert_int_equal(table_print(&t, &plain, 0, &out), 0);
	assert_string_equal(out.data, "NAME    STATE\n"
				      "äöüß    x\n"
				      "abcdef  y\n");
}

static void table_colour_is_no_width(void **state)
{
	cleanup_table struct table t;
	cleanup_text struct text out = {0};

	table_init(&t, heads, ARRAY_LEN(heads));
	table_add(&t, PAINT_NONE, "a");
	table_add(&t, PAINT_GOOD, "up");
	table_add(&t, PAINT_DIM, "note");
	assert_int_equal(table_print(&t, &coloured, 0, &out), 0);
	assert_non_null(strstr(out.data, "a     \x1b[32mup\x1b[0m     \x1b[2mnote\x1b[0m\n"));
}

static void table_lines_are_cut_at_the_width_of_the_terminal(void **state)
{
	cleanup_table struct table t;
	cleanup_text struct text out = {0};

	table_init(&t, heads, ARRAY_LEN(heads));
	table_add(&t, PAINT_NONE, "shop");
	table_add(&t, PAINT_NONE, "running");
	table_add(&t, PAINT_NONE, "äöü and more");
	assert_int_equal(table_print(&t, &plain, 18, &out), 0);
	assert_string_equal(out.data, "NAME  STATE\n"
				      "shop  running  äöü\n");
	text_done(&out);
	assert_int_equal(table_print(&t, &plain, 15, &out), 0);
	assert_string_equal(out.data, "NAME  STATE\n"
				      "shop  running\n");
	text_done(&out);
	assert_int_equal(table_print(&t, &plain, 2, &out), 0);
	assert_string_equal(out.data, "NA\nsh\n");
}

static void table_cells_cannot_move_the_cursor(void **state)
{
	cleanup_table struct table t;
	cleanup_text struct text out = {0};

	table_init(&t, heads, ARRAY_LEN(heads));
	table_add(&t, PAINT_NONE, "evil\n\x1b[2J");
	table_add(&t, PAINT_NONE, "x");
	table_add(&t, PAINT_NONE, "");
	assert_int_equal(table_print(&t, &plain, 0, &out), 0);
	assert_non_null(strstr(out.data, "evil\\x0a\\x1b[2J  x\n"));
}

static void table_without_rows_has_its_heads(void **state)
{
	cleanup_table struct table t;
	cleanup_text struct text out = {0};

	table_init(&t, heads, ARRAY_LEN(heads));
	assert_int_equal(table_print(&t, &plain, 0, &out), 0);
	assert_string_equal(out.data, "NAME  STATE\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_columns_are_as_wide_as_their_widest_cell),
		cmocka_unit_test(table_width_counts_characters_and_not_bytes),
		cmocka_unit_test(table_colour_is_no_width),
		cmocka_unit_test(table_lines_are_cut_at_the_width_of_the_terminal),
		cmocka_unit_test(table_cells_cannot_move_the_cursor),
		cmocka_unit_test(table_without_rows_has_its_heads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
