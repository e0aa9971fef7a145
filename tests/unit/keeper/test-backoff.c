/* SPDX-License-Identifier: MIT */
#include "supervisor/keeper/backoff.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MSEC USEC_PER_MSEC
/* In the middle between a quarter less and a quarter more. */
#define MIDDLE 0x80000000u

static const struct backoff_rule rule = {
	.immediate = 2,
	.healthy_usec = 10 * USEC_PER_SEC,
	.delay_usec = 100 * MSEC,
	.max_delay_usec = 30 * USEC_PER_SEC,
};
static const struct backoff_life short_life = {.uptime_usec = 5, .random = MIDDLE};

static usec_t next(uint32_t *n, const struct backoff_rule *r, const struct backoff_life *life)
{
	usec_t delay = 12345;

	assert_int_equal(backoff_next(n, r, life, &delay), 0);
	return delay;
}

static void two_restarts_are_immediate_then_delays_double(void **state)
{
	static const usec_t expected[] = {
		0,
		0,
		100 * MSEC,
		200 * MSEC,
		400 * MSEC,
		800 * MSEC,
		1600 * MSEC,
		3200 * MSEC,
		6400 * MSEC,
		12800 * MSEC,
		25600 * MSEC,
		30000 * MSEC,
		30000 * MSEC,
	};
	uint32_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(expected); i++)
		assert_int_equal(next(&n, &rule, &short_life), expected[i]);
	assert_int_equal(n, ARRAY_LEN(expected));
}

static void healthy_life_forgives_all(void **state)
{
	struct backoff_life healthy = {.uptime_usec = rule.healthy_usec, .random = MIDDLE};
	uint32_t n = 9;

	assert_int_equal(next(&n, &rule, &healthy), 0);
	assert_int_equal(n, 1);
}

static void nearly_healthy_life_forgives_nothing(void **state)
{
	struct backoff_life life = {.uptime_usec = rule.healthy_usec - 1, .random = MIDDLE};
	uint32_t n = 2;

	assert_int_equal(next(&n, &rule, &life), 100 * MSEC);
}

static void jitter_stays_within_a_quarter(void **state)
{
	struct backoff_life lowest = {.random = 0}, highest = {.random = UINT32_MAX};
	uint32_t n = 2;

	assert_int_equal(next(&n, &rule, &lowest), 75 * MSEC);
	n = 2;
	assert_in_range(next(&n, &rule, &highest), 124 * MSEC, 125 * MSEC);
}

static void no_delay_exceeds_the_longest(void **state)
{
	struct backoff_life highest = {.random = UINT32_MAX};
	uint32_t n = UINT32_MAX - 1;

	assert_int_equal(next(&n, &rule, &highest), rule.max_delay_usec);
	assert_int_equal(n, UINT32_MAX);
	assert_int_equal(next(&n, &rule, &highest), rule.max_delay_usec);
	assert_int_equal(n, UINT32_MAX);
}

static void delay_longer_than_the_longest_is_cut(void **state)
{
	struct backoff_rule odd = {.delay_usec = 10 * USEC_PER_SEC,
				   .max_delay_usec = USEC_PER_SEC,
				   .healthy_usec = USEC_INFINITY};
	uint32_t n = 0;

	assert_int_equal(next(&n, &odd, &short_life), USEC_PER_SEC);
}

static void no_delay_stays_none(void **state)
{
	struct backoff_rule none = {.max_delay_usec = USEC_PER_SEC, .healthy_usec = USEC_INFINITY};
	uint32_t n = 1000000;

	assert_int_equal(next(&n, &none, &short_life), 0);
}

static void longest_delays_do_not_overflow(void **state)
{
	usec_t year = 366 * USEC_PER_DAY;
	struct backoff_rule slow = {
		.delay_usec = year, .max_delay_usec = year, .healthy_usec = USEC_INFINITY};
	struct backoff_life highest = {.random = UINT32_MAX}, lowest = {.random = 0};
	uint32_t n = 0;

	assert_true(next(&n, &slow, &highest) == year);
	assert_true(next(&n, &slow, &lowest) == year / 4 * 3);
}

static void program_that_never_ran_is_not_restarted_at_once(void **state)
{
	struct backoff_life life = {.never_ran = true, .random = MIDDLE};
	uint32_t n = 0;

	assert_int_equal(next(&n, &rule, &life), 100 * MSEC);
	assert_int_equal(next(&n, &rule, &life), 100 * MSEC);
	assert_int_equal(next(&n, &rule, &life), 100 * MSEC);
	assert_int_equal(next(&n, &rule, &life), 200 * MSEC);
}

static void bounded_restarts_give_up(void **state)
{
	struct backoff_rule bounded = rule;
	usec_t delay = 7;
	uint32_t n = 0;

	bounded.max_restarts = 3;
	for (int i = 0; i < 3; i++)
		ignore_result(next(&n, &bounded, &short_life));
	assert_int_equal(backoff_next(&n, &bounded, &short_life, &delay), BACKOFF_GIVE_UP);
	assert_int_equal(delay, 7);
}

static void healthy_life_refills_bounded_restarts(void **state)
{
	struct backoff_rule bounded = rule;
	struct backoff_life healthy = {.uptime_usec = rule.healthy_usec};
	uint32_t n = 3;

	bounded.max_restarts = 3;
	assert_int_equal(next(&n, &bounded, &healthy), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_restarts_are_immediate_then_delays_double),
		cmocka_unit_test(healthy_life_forgives_all),
		cmocka_unit_test(nearly_healthy_life_forgives_nothing),
		cmocka_unit_test(jitter_stays_within_a_quarter),
		cmocka_unit_test(no_delay_exceeds_the_longest),
		cmocka_unit_test(delay_longer_than_the_longest_is_cut),
		cmocka_unit_test(no_delay_stays_none),
		cmocka_unit_test(longest_delays_do_not_overflow),
		cmocka_unit_test(program_that_never_ran_is_not_restarted_at_once),
		cmocka_unit_test(bounded_restarts_give_up),
		cmocka_unit_test(healthy_life_refills_bounded_restarts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
