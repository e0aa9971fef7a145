/* SPDX-License-Identifier: MIT */
#include "lib/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void size_reads_each_suffix(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} rows[] = {
		{"0", 0},
		{"4096", 4096},
		{"1K", 1024},
		{"64M", UINT64_C(64) << 20},
		{"1.5G", UINT64_C(3) << 29},
		{"2T", UINT64_C(2) << 40},
		{"0.5K", 512},
		{"0.000001T", 1099511},
		{"18446744073709551614", UINT64_MAX - 1},
		{"16777215T", UINT64_C(16777215) << 40},
		{"max", SIZE_INFINITY},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t bytes = 1;

		assert_int_equal(size_parse(rows[i].text, &bytes), 0);
		assert_true(bytes == rows[i].bytes);
	}
}

static void size_refuses_everything_else(void **state)
{
	static const char *const bad[] = {
		"",    "K",    "1k",         "1KB",   "-1",    "+1",  " 1",   "1 ",
		"1 K", "1.5",  "1.K",        ".5K",   "1,5K",  "1KK", "0x1",  "1e3",
		"Max", "max ", "1.0000001K", "1..5K", "1.5.K", "one", "1M5K",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		uint64_t bytes = 7;

		assert_int_equal(size_parse(bad[i], &bytes), -EINVAL);
		assert_true(bytes == 7);
	}
}

static void size_that_does_not_fit_is_out_of_range(void **state)
{
	static const char *const bad[] = {
		"18446744073709551615",       "18446744073709551616",
		"99999999999999999999999999", "16777216T",
		"18014398509481984K",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		uint64_t bytes = 7;

		assert_int_equal(size_parse(bad[i], &bytes), -ERANGE);
		assert_true(bytes == 7);
	}
}

static void duration_reads_units_and_their_sums(void **state)
{
	static const struct {
		const char *text;
		usec_t usec;
	} rows[] = {
		{"0", 0},
		{"0s", 0},
		{"100ms", 100 * USEC_PER_MSEC},
		{"2s", 2 * USEC_PER_SEC},
		{"1.5m", 90 * USEC_PER_SEC},
		{"1h30m", 90 * USEC_PER_MINUTE},
		{"7d", 7 * USEC_PER_DAY},
		{"1m500ms", USEC_PER_MINUTE + 500 * USEC_PER_MSEC},
		{"0.001ms", 1},
		{"infinity", USEC_INFINITY},
		{"213503982d", UINT64_C(213503982) * USEC_PER_DAY},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		usec_t usec = 1;

		assert_int_equal(duration_parse(rows[i].text, &usec), 0);
		assert_true(usec == rows[i].usec);
	}
}

static void duration_refuses_everything_else(void **state)
{
	static const char *const bad[] = {
		"",     "1",   "00",  "s",        "1 s", "1S",   "-1s",        "1s ",
		"1h30", "1us", "1.s", "Infinity", "1w",  "1min", "infinity1s",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		usec_t usec = 7;

		assert_int_equal(duration_parse(bad[i], &usec), -EINVAL);
		assert_true(usec == 7);
	}
}

static void duration_that_does_not_fit_is_out_of_range(void **state)
{
	static const char *const bad[] = {
		"213503983d", "99999999999999999999s", "213503982d1d",
		"18446744073709551ms0.615ms", /* the number that means infinity */
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		usec_t usec = 7;

		assert_int_equal(duration_parse(bad[i], &usec), -ERANGE);
		assert_true(usec == 7);
	}
}

static void percent_reads_whole_numbers_in_its_range(void **state)
{
	unsigned percent = 0;

	assert_int_equal(percent_parse("150%", &percent), 0);
	assert_int_equal(percent, 150);
	assert_int_equal(percent_parse("1%", &percent), 0);
	assert_int_equal(percent_parse("100000%", &percent), 0);
	assert_int_equal(percent, PERCENT_MAX);
	assert_int_equal(percent_parse("0%", &percent), -ERANGE);
	assert_int_equal(percent_parse("100001%", &percent), -ERANGE);
	assert_int_equal(percent_parse("99999999999999999999%", &percent), -ERANGE);
	assert_int_equal(percent_parse("150", &percent), -EINVAL);
	assert_int_equal(percent_parse("1.5%", &percent), -EINVAL);
	assert_int_equal(percent_parse("%", &percent), -EINVAL);
	assert_int_equal(percent_parse("", &percent), -EINVAL);
	assert_int_equal(percent_parse("-1%", &percent), -EINVAL);
	assert_int_equal(percent_parse("1%%", &percent), -EINVAL);
	assert_int_equal(percent, PERCENT_MAX);
}

static void size_is_shown_short(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {
		{0, "0B"},
		{17, "17B"},
		{1023, "1023B"},
		{1024, "1K"},
		{1536, "1.5K"},
		{812 * 1024, "812K"},
		{UINT64_C(64) << 20, "64M"},
		{UINT64_C(3) << 29, "1.5G"},
		{(UINT64_C(10) << 20) - 1, "10M"},
		{(UINT64_C(1) << 20) - 1, "1M"},
		{1023 * 1024 + 400, "1023K"},
		{1023 * 1024 + 600, "1M"},
		{10 * 1024 + 511, "10K"},
		{10 * 1024 + 512, "11K"},
		{UINT64_C(5) << 40, "5T"},
		{UINT64_MAX - 1, "16777216T"},
		{SIZE_INFINITY, "max"},
	};
	char buf[UNITS_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(size_format(rows[i].bytes, buf), rows[i].text);
}

static void size_that_was_read_is_shown_as_it_was_written(void **state)
{
	static const char *const sizes[] = {"1K", "64M", "1.5G", "256M", "9.5T", "max"};
	char buf[UNITS_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		uint64_t bytes = 0;

		assert_int_equal(size_parse(sizes[i], &bytes), 0);
		assert_string_equal(size_format(bytes, buf), sizes[i]);
	}
}

static void duration_is_shown_in_its_two_largest_units(void **state)
{
	static const struct {
		usec_t usec;
		const char *text;
	} rows[] = {
		{0, "0ms"},
		{15 * USEC_PER_MSEC + 999, "15ms"},
		{USEC_PER_SEC - 1, "999ms"},
		{USEC_PER_SEC, "1s"},
		{3 * USEC_PER_SEC + 999999, "3s"},
		{USEC_PER_MINUTE, "1m"},
		{4 * USEC_PER_MINUTE + 12 * USEC_PER_SEC, "4m12s"},
		{USEC_PER_HOUR + 59 * USEC_PER_SEC, "1h"},
		{2 * USEC_PER_DAY + 3 * USEC_PER_HOUR + 1, "2d3h"},
		{USEC_PER_DAY, "1d"},
		{USEC_INFINITY - 1, "213503982d8h"},
		{USEC_INFINITY, "infinity"},
	};
	char buf[UNITS_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(duration_format(rows[i].usec, buf), rows[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(size_reads_each_suffix),
		cmocka_unit_test(size_refuses_everything_else),
		cmocka_unit_test(size_that_does_not_fit_is_out_of_range),
		cmocka_unit_test(duration_reads_units_and_their_sums),
		cmocka_unit_test(duration_refuses_everything_else),
		cmocka_unit_test(duration_that_does_not_fit_is_out_of_range),
		cmocka_unit_test(percent_reads_whole_numbers_in_its_range),
		cmocka_unit_test(size_is_shown_short),
		cmocka_unit_test(size_that_was_read_is_shown_as_it_was_written),
		cmocka_unit_test(duration_is_shown_in_its_two_largest_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
