/* SPDX-License-Identifier: MIT */
#include "cli/usage-table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/json.h"
#include "lib/text.h"

static const struct style plain;

static void assert_shown(const char *numbers, const char *expected)
{
	cleanup_json json_t *value = json_loads(numbers, 0, NULL);
	cleanup_text struct text out = {0};

	assert_non_null(value);
	assert_int_equal(usage_table(value, &plain, &out), 0);
	assert_string_equal(out.data, expected);
}

static void table_has_the_busiest_first_and_slices_last(void **state)
{
	assert_shown(
		"[{\"name\": \"calm\", \"kind\": \"service\", \"memory_bytes\": 9437184,"
		"  \"per_second\": {\"cpu_usec\": 4000}},"
		" {\"name\": \"off\", \"kind\": \"service\", \"state\": \"stopped\"},"
		" {\"name\": \"web\", \"kind\": \"slice\", \"memory_bytes\": 1024, \"tasks\": 9,"
		"  \"per_second\": {\"cpu_usec\": 520000}},"
		" {\"name\": \"busy\", \"kind\": \"service\", \"memory_bytes\": 125829120,"
		"  \"memory_max_bytes\": 268435456, \"swap_bytes\": 0, \"tasks\": 7,"
		"  \"per_second\": {\"cpu_usec\": 500000, \"throttled_usec\": 250000,"
		"  \"io_read_bytes\": 2048, \"io_write_bytes\": 0, \"cpu_some_usec\": 120000,"
		"  \"memory_some_usec\": 0, \"io_some_usec\": 990000}}]",
		"SERVICE  CPU  HELD  MEMORY     SWAP  TASKS  READ  WRITE  WAITS cpu mem io\n"
		"busy     50%  25%   120M/256M  0     7      2K    0      12% 0% 99%\n"
		"calm     0%   -     9M         -     -      -     -      -\n"
		"SLICE  CPU  HELD  MEMORY  SWAP  TASKS  READ  WRITE  WAITS cpu mem io\n"
		"web    52%  -     1K      -     9      -     -      -\n");
}

static void table_of_nothing_says_so(void **state)
{
	assert_shown("[]", "nothing runs\n");
	assert_shown("[{}, {\"name\": 1, \"kind\": []}]", "nothing runs\n");
}

static size_t count_lines(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += *s == '\n';
	return n;
}

/* What scrolls away at the top would be the busiest. */
static void table_in_a_terminal_is_no_higher_than_it(void **state)
{
	cleanup_json json_t *numbers = json_array();

	for (int i = 0; i < 210; i++)
		assert_int_equal(json_array_append_new(
					 numbers, json_pack("{s:s, s:s, s:i, s:{s:i}}", "name",
							    i == 150 ? "busy" : "calm", "kind",
							    i < 200 ? "service" : "slice", "tasks",
							    i, "per_second", "cpu_usec", i == 150)),
				 0);
	for (unsigned rows = 1; rows < 250; rows++) {
		const struct style style = {.terminal = true, .columns = 40, .rows = rows};
		cleanup_text struct text out = {0};

		assert_int_equal(usage_table(numbers, &style, &out), 0);
		assert_true(count_lines(out.data ? out.data : "") < rows);
		if (rows < 8)
			continue;
		assert_non_null(strstr(out.data, "busy"));
		assert_non_null(strstr(out.data, "SLICE"));
		assert_true(rows > 212 || strstr(out.data, " more\n"));
	}
}

static void table_that_fits_has_all_of_it(void **state)
{
	cleanup_json json_t *numbers =
		json_loads("[{\"name\": \"a\", \"kind\": \"service\", \"per_second\": {}},"
			   " {\"name\": \"b\", \"kind\": \"slice\", \"per_second\": {}}]",
			   0, NULL);
	const struct style style = {.terminal = true, .columns = 10, .rows = 5};
	cleanup_text struct text out = {0};

	assert_int_equal(usage_table(numbers, &style, &out), 0);
	assert_string_equal(out.data, "SERVICE  C\na        -\nSLICE  CPU\nb      -\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_has_the_busiest_first_and_slices_last),
		cmocka_unit_test(table_of_nothing_says_so),
		cmocka_unit_test(table_in_a_terminal_is_no_higher_than_it),
		cmocka_unit_test(table_that_fits_has_all_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
