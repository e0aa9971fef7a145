/* SPDX-License-Identifier: MIT */
#include "supervisor/keeper/notice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct notice parse(const char *text)
{
	struct notice n;

	notice_parse(text, strlen(text), &n);
	return n;
}

static void lines_are_read_one_by_one(void **state)
{
	struct notice n = parse("READY=1\nSTATUS=serving\nMAINPID=4711\nWATCHDOG_USEC=2000000\n");

	assert_true(n.is_ready);
	assert_true(n.has_status);
	assert_string_equal(n.status, "serving");
	assert_int_equal(n.main_pid, 4711);
	assert_int_equal(n.watchdog_usec, 2000000);
	assert_false(n.is_stopping || n.is_ping || n.is_trigger);
}

static void last_line_needs_no_end(void **state)
{
	assert_true(parse("STATUS=x\nREADY=1").is_ready);
}

static void watchdog_has_two_words(void **state)
{
	assert_true(parse("WATCHDOG=1").is_ping);
	assert_true(parse("WATCHDOG=trigger").is_trigger);
	assert_false(parse("WATCHDOG=trigger").is_ping);
	assert_false(parse("WATCHDOG=0").is_ping);
}

static void stopping_is_heard(void **state)
{
	assert_true(parse("STOPPING=1").is_stopping);
}

static void empty_status_is_a_status(void **state)
{
	struct notice n = parse("STATUS=");

	assert_true(n.has_status);
	assert_string_equal(n.status, "");
	assert_false(parse("").has_status);
}

static void last_status_counts_and_is_cleaned(void **state)
{
	assert_string_equal(parse("STATUS=a\nSTATUS=b\x1b[0m").status, "b?[0m");
}

static void long_status_is_cut(void **state)
{
	char text[2000] = "STATUS=";
	struct notice n;

	memset(text + 7, 'x', sizeof(text) - 7);
	notice_parse(text, sizeof(text), &n);
	assert_int_equal(strlen(n.status), KEEPER_STATUS_MAX - 1);
}

static void line_after_a_long_one_is_read(void **state)
{
	char text[2000];
	struct notice n;

	memset(text, 'x', sizeof(text));
	memcpy(text + 1500, "\nREADY=1\n", 9);
	notice_parse(text, sizeof(text), &n);
	assert_true(n.is_ready);
}

static void end_of_a_long_line_is_not_a_line(void **state)
{
	char text[1000];
	struct notice n;

	memset(text, 'x', sizeof(text));
	memcpy(text + 511, "READY=1", 7);
	notice_parse(text, sizeof(text), &n);
	assert_false(n.is_ready);
}

static void nonsense_is_passed_over(void **state)
{
	struct notice n = parse("READY=2\nREADY\nMAINPID=-1\nMAINPID=x\nMAINPID=99999999999\n"
				"WATCHDOG_USEC=\nX=Y\n\n=\n");

	assert_false(n.is_ready);
	assert_int_equal(n.main_pid, 0);
	assert_int_equal(n.watchdog_usec, 0);
}

static void nul_bytes_end_a_line_only_for_us(void **state)
{
	struct notice n;

	notice_parse("READY=1\0\nSTATUS=x\0y", 19, &n);
	assert_true(n.is_ready);
	assert_string_equal(n.status, "x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_read_one_by_one),
		cmocka_unit_test(last_line_needs_no_end),
		cmocka_unit_test(watchdog_has_two_words),
		cmocka_unit_test(stopping_is_heard),
		cmocka_unit_test(empty_status_is_a_status),
		cmocka_unit_test(last_status_counts_and_is_cleaned),
		cmocka_unit_test(long_status_is_cut),
		cmocka_unit_test(line_after_a_long_one_is_read),
		cmocka_unit_test(end_of_a_long_line_is_not_a_line),
		cmocka_unit_test(nonsense_is_passed_over),
		cmocka_unit_test(nul_bytes_end_a_line_only_for_us),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
