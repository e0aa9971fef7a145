/* SPDX-License-Identifier: MIT */
#include "supervisor/keeper/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void format_knows_its_conversions(void **state)
{
	char buf[128];
	size_t n = text_format(buf, sizeof(buf), "%s %d %u %llu %d%%", "text", -17, 4294967295u,
			       18446744073709551615ull, -2147483647 - 1);

	assert_string_equal(buf, "text -17 4294967295 18446744073709551615 -2147483648%");
	assert_int_equal(n, strlen(buf));
}

static void format_is_cut_and_terminated(void **state)
{
	char buf[8];

	assert_int_equal(text_format(buf, sizeof(buf), "%s-%d", "abcdef", 12345), 7);
	assert_string_equal(buf, "abcdef-");
	assert_int_equal(text_format(buf, 1, "%s", "abc"), 0);
	assert_string_equal(buf, "");
}

static void number_fills_its_text(void **state)
{
	uint64_t n = 7;

	assert_int_equal(text_number("0", 10, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(text_number("18446744073709551615", UINT64_MAX, &n), 0);
	assert_true(n == UINT64_MAX);
	assert_int_equal(text_number("010", 10, &n), 0);
	assert_int_equal(n, 10);
}

static void number_that_is_none_is_refused(void **state)
{
	static const char *const wrong[] = {"", " 1", "1 ", "-1", "+1", "0x1", "1.0", "ten"};
	uint64_t n = 7;

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(text_number(wrong[i], UINT64_MAX, &n), -EINVAL);
	assert_int_equal(n, 7);
}

static void number_beyond_its_bound_is_refused(void **state)
{
	uint64_t n = 7;

	assert_int_equal(text_number("11", 10, &n), -ERANGE);
	assert_int_equal(text_number("2", 1, &n), -ERANGE);
	assert_int_equal(text_number("18446744073709551616", UINT64_MAX, &n), -ERANGE);
	assert_int_equal(text_number("99999999999999999999999", UINT64_MAX, &n), -ERANGE);
	assert_int_equal(n, 7);
}

static void duration_has_units(void **state)
{
	usec_t usec = 0;

	assert_int_equal(text_duration("500ms", &usec), 0);
	assert_int_equal(usec, 500 * USEC_PER_MSEC);
	assert_int_equal(text_duration("10s", &usec), 0);
	assert_int_equal(usec, 10 * USEC_PER_SEC);
	assert_int_equal(text_duration("10", &usec), 0);
	assert_int_equal(usec, 10 * USEC_PER_SEC);
	assert_int_equal(text_duration("5m", &usec), 0);
	assert_int_equal(usec, 5 * USEC_PER_MINUTE);
	assert_int_equal(text_duration("2h", &usec), 0);
	assert_int_equal(usec, 2 * USEC_PER_HOUR);
	assert_int_equal(text_duration("4294967295h", &usec), 0);
	assert_true(usec == UINT32_MAX * USEC_PER_HOUR);
}

static void duration_without_sense_is_refused(void **state)
{
	usec_t usec = 7;

	assert_int_equal(text_duration("", &usec), -EINVAL);
	assert_int_equal(text_duration("ms", &usec), -EINVAL);
	assert_int_equal(text_duration("5 s", &usec), -EINVAL);
	assert_int_equal(text_duration("5d", &usec), -EINVAL);
	assert_int_equal(text_duration("99999999999s", &usec), -ERANGE);
	assert_int_equal(usec, 7);
}

static void copy_fills_the_rest(void **state)
{
	char buf[8];

	memset(buf, 'x', sizeof(buf));
	text_copy(buf, sizeof(buf), "abc");
	assert_memory_equal(buf, "abc\0\0\0\0", 8);
}

static void copy_is_cut_between_characters(void **state)
{
	char buf[5];

	text_copy(buf, sizeof(buf), "abcd\xc3\xa9");
	assert_string_equal(buf, "abcd");
	text_copy(buf, sizeof(buf), "abc\xc3\xa9");
	assert_string_equal(buf, "abc");
	text_copy(buf, sizeof(buf), "a\xf0\x9f\x98\x80");
	assert_string_equal(buf, "a");
}

static void check_clean(const char *text, size_t len, const char *expected)
{
	char buf[32];

	text_clean(buf, sizeof(buf), text, len);
	assert_string_equal(buf, expected);
}

static void clean_keeps_what_is_printable(void **state)
{
	check_clean("plain", 5, "plain");
	check_clean("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", 10, "\xc3\xa9 \xe2\x82\xac ???");
	check_clean("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", 11,
		    "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
}

static void clean_replaces_what_is_not(void **state)
{
	check_clean("a\0b\nc\x7f", 6, "a?b?c?");
	check_clean("\x1b[31m", 5, "?[31m");
	check_clean("\xc2\x85", 2, "??");           /* a control character in UTF-8 */
	check_clean("\xc0\xaf", 2, "??");           /* too long a form */
	check_clean("\xe0\x80\xaf", 3, "???");      /* too long a form */
	check_clean("\xed\xa0\x80", 3, "???");      /* half of a surrogate pair */
	check_clean("\xf4\x90\x80\x80", 4, "????"); /* beyond Unicode */
	check_clean("\xc3", 1, "?");
	check_clean("\xff\xfe", 2, "??");
}

static void clean_cuts_between_characters(void **state)
{
	char buf[4];

	text_clean(buf, sizeof(buf), "ab\xc3\xa9", 4);
	assert_string_equal(buf, "ab");
	text_clean(buf, sizeof(buf), "abcdef", 6);
	assert_string_equal(buf, "abc");
}

static void prefix_leads_to_the_rest(void **state)
{
	assert_string_equal(text_starts("STATUS=up", "STATUS="), "up");
	assert_null(text_starts("STATUS", "STATUS="));
	assert_string_equal(text_starts("", ""), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(format_knows_its_conversions),
		cmocka_unit_test(format_is_cut_and_terminated),
		cmocka_unit_test(number_fills_its_text),
		cmocka_unit_test(number_that_is_none_is_refused),
		cmocka_unit_test(number_beyond_its_bound_is_refused),
		cmocka_unit_test(duration_has_units),
		cmocka_unit_test(duration_without_sense_is_refused),
		cmocka_unit_test(copy_fills_the_rest),
		cmocka_unit_test(copy_is_cut_between_characters),
		cmocka_unit_test(clean_keeps_what_is_printable),
		cmocka_unit_test(clean_replaces_what_is_not),
		cmocka_unit_test(clean_cuts_between_characters),
		cmocka_unit_test(prefix_leads_to_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
