/* SPDX-License-Identifier: MIT */
#include "lib/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/*
 * The zone is spelled out, so that no zone data need be installed: one hour ahead of UTC, two
 * between the last Sundays of March and October. "Now" is 2026-11-21 12:00:00.5 there.
 */
#define ZONE "CET-1CEST,M3.5.0,M10.5.0/3"
#define NOW (UINT64_C(1795258800) * USEC_PER_SEC + 500000)

static int use_zone(void **state)
{
	setenv("TZ", ZONE, 1);
	tzset();
	return 0;
}

/* Parses and shows the result in UTC, so that a failing row can be read. */
static const char *parsed(const char *s)
{
	static char buf[CLOCK_TEXT_MAX];
	usec_t at_usec;

	if (clock_parse(s, NOW, &at_usec) < 0)
		return "(refused)";
	return clock_format_utc(at_usec, buf);
}

static void clock_monotonic_never_goes_back(void **state)
{
	usec_t before = clock_now_usec();

	assert_true(before > 0);
	assert_true(clock_now_usec() >= before);
}

static void clock_wall_is_the_time_of_day(void **state)
{
	usec_t at_usec = clock_at_usec();
	struct timespec now;

	/* time(2) tells the second of the last tick, which may have been the one before. */
	assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
	assert_true((time_t)(at_usec / USEC_PER_SEC) <= now.tv_sec);
	assert_true((time_t)(at_usec / USEC_PER_SEC) + 60 > now.tv_sec);
}

static void clock_shows_utc_with_microseconds(void **state)
{
	char buf[CLOCK_TEXT_MAX];

	assert_string_equal(clock_format_utc(0, buf), "1970-01-01T00:00:00.000000Z");
	assert_string_equal(clock_format_utc(NOW + 123, buf), "2026-11-21T11:00:00.500123Z");
}

static void clock_shows_the_local_zone_with_milliseconds(void **state)
{
	char buf[CLOCK_TEXT_MAX];

	assert_string_equal(clock_format_local(NOW, buf), "2026-11-21 12:00:00.500");
	assert_string_equal(clock_format_local(NOW - 180 * USEC_PER_DAY, buf),
			    "2026-05-25 13:00:00.500");
}

static void clock_shows_even_the_end_of_time(void **state)
{
	char buf[CLOCK_TEXT_MAX];

	assert_string_equal(clock_format_utc(USEC_INFINITY, buf), "586524-01-19T08:01:49.551615Z");
	assert_true(strlen(clock_format_local(USEC_INFINITY, buf)) > 0);
}

static void clock_reads_words(void **state)
{
	assert_string_equal(parsed("now"), "2026-11-21T11:00:00.500000Z");
	assert_string_equal(parsed("today"), "2026-11-20T23:00:00.000000Z");
	assert_string_equal(parsed("yesterday"), "2026-11-19T23:00:00.000000Z");
	assert_string_equal(parsed("yesterday 10:30"), "2026-11-20T09:30:00.000000Z");
	assert_string_equal(parsed("today 10:30:15"), "2026-11-21T09:30:15.000000Z");
}

static void clock_reads_a_time_of_today(void **state)
{
	assert_string_equal(parsed("10:30"), "2026-11-21T09:30:00.000000Z");
	assert_string_equal(parsed("10:30:15"), "2026-11-21T09:30:15.000000Z");
	assert_string_equal(parsed("23:59"), "2026-11-21T22:59:00.000000Z");
	assert_string_equal(parsed("00:00:00.25"), "2026-11-20T23:00:00.250000Z");
}

static void clock_reads_how_long_ago(void **state)
{
	assert_string_equal(parsed("2h ago"), "2026-11-21T09:00:00.500000Z");
	assert_string_equal(parsed("1m30s ago"), "2026-11-21T10:58:30.500000Z");
	assert_string_equal(parsed("0 ago"), "2026-11-21T11:00:00.500000Z");
	assert_string_equal(parsed("30000d ago"), "(refused)");
	assert_string_equal(parsed("infinity ago"), "(refused)");
	assert_string_equal(parsed("2 ago"), "(refused)");
	assert_string_equal(parsed(" ago"), "(refused)");
	assert_string_equal(parsed("2h ago ago"), "(refused)");
	assert_string_equal(parsed("1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s ago"),
			    "(refused)");
}

static void clock_reads_dates_in_the_local_zone(void **state)
{
	assert_string_equal(parsed("2026-11-21"), "2026-11-20T23:00:00.000000Z");
	assert_string_equal(parsed("2026-11-21 10:30"), "2026-11-21T09:30:00.000000Z");
	assert_string_equal(parsed("2026-11-21 10:30:15"), "2026-11-21T09:30:15.000000Z");
	assert_string_equal(parsed("2026-07-01 10:30"), "2026-07-01T08:30:00.000000Z");
	assert_string_equal(parsed("2024-02-29"), "2024-02-28T23:00:00.000000Z");
}

static void clock_reads_rfc_3339(void **state)
{
	assert_string_equal(parsed("2026-11-21T03:39:00.123456Z"), "2026-11-21T03:39:00.123456Z");
	assert_string_equal(parsed("2026-11-21t03:39:00z"), "2026-11-21T03:39:00.000000Z");
	assert_string_equal(parsed("2026-11-21T03:39:00+05:30"), "2026-11-20T22:09:00.000000Z");
	assert_string_equal(parsed("2026-11-21T03:39:00.1234567899-00:30"),
			    "2026-11-21T04:09:00.123456Z");
	assert_string_equal(parsed("2026-11-21 03:39:00Z"), "2026-11-21T03:39:00.000000Z");
	assert_string_equal(parsed("2016-12-31T23:59:60Z"), "2017-01-01T00:00:00.000000Z");
}

static void clock_reads_back_what_it_shows(void **state)
{
	char buf[CLOCK_TEXT_MAX];
	usec_t at_usec = 0;

	assert_int_equal(clock_parse(clock_format_utc(NOW + 7, buf), 0, &at_usec), 0);
	assert_true(at_usec == NOW + 7);
	assert_int_equal(clock_parse(clock_format_local(NOW, buf), 0, &at_usec), 0);
	assert_true(at_usec == NOW);
}

static void clock_takes_yesterday_across_a_change_of_the_clocks(void **state)
{
	usec_t at_usec = 0;
	/* 2026-03-30 12:00 in summer time; the day before had 23 hours. */
	usec_t now = UINT64_C(1774864800) * USEC_PER_SEC;
	char buf[CLOCK_TEXT_MAX];

	assert_int_equal(clock_parse("yesterday", now, &at_usec), 0);
	assert_string_equal(clock_format_local(at_usec, buf), "2026-03-29 00:00:00.000");
}

static void clock_refuses_what_is_no_time(void **state)
{
	static const char *const bad[] = {
		"",
		"noon",
		"10",
		"1:30",
		"10:3",
		"24:00",
		"10:60",
		"10:30:61",
		"10:30:",
		"10:30:15.",
		"10:30 ",
		" 10:30",
		"2026-02-30",
		"2025-02-29",
		"1900-02-29",
		"2026-13-01",
		"2026-00-01",
		"2026-01-00",
		"2026-1-1",
		"2026-11-21 ",
		"2026-11-21T",
		"2026-11-21x10:30",
		"2026-11-21T03:39:00+5:30",
		"2026-11-21T03:39:00+24:00",
		"2026-11-21T03:39:00+05:60",
		"2026-11-21T03:39:00 Z",
		"2026-11-21T03:39:00Zx",
		"1960-01-01",
		"1970-01-01T00:00:00+01:00",
		"todayx",
		"yesterday 25:00",
		"-2h",
		"2h",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_string_equal(parsed(bad[i]), "(refused)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clock_monotonic_never_goes_back),
		cmocka_unit_test(clock_wall_is_the_time_of_day),
		cmocka_unit_test(clock_shows_utc_with_microseconds),
		cmocka_unit_test(clock_shows_the_local_zone_with_milliseconds),
		cmocka_unit_test(clock_shows_even_the_end_of_time),
		cmocka_unit_test(clock_reads_words),
		cmocka_unit_test(clock_reads_a_time_of_today),
		cmocka_unit_test(clock_reads_how_long_ago),
		cmocka_unit_test(clock_reads_dates_in_the_local_zone),
		cmocka_unit_test(clock_reads_rfc_3339),
		cmocka_unit_test(clock_reads_back_what_it_shows),
		cmocka_unit_test(clock_takes_yesterday_across_a_change_of_the_clocks),
		cmocka_unit_test(clock_refuses_what_is_no_time),
	};

	return cmocka_run_group_tests(tests, use_zone, NULL);
}
