/* SPDX-License-Identifier: MIT */
#include "supervisor/keeper/revival.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void running_program_is_watched_and_a_dead_one_mourned(void **state)
{
	assert_int_equal(revival_plan(MACHINE_RUNNING, true), REVIVAL_WATCH);
	assert_int_equal(revival_plan(MACHINE_RUNNING, false), REVIVAL_MOURN);
	assert_int_equal(revival_plan(MACHINE_STOPPING, true), REVIVAL_WATCH);
	assert_int_equal(revival_plan(MACHINE_STOPPING, false), REVIVAL_MOURN);
}

static void nothing_is_started_that_was_not_to_run(void **state)
{
	assert_int_equal(revival_plan(MACHINE_IDLE, false), REVIVAL_REST);
	assert_int_equal(revival_plan(MACHINE_BACKOFF, false), REVIVAL_REST);
	assert_int_equal(revival_plan(MACHINE_HELD, false), REVIVAL_REST);
	assert_int_equal(revival_plan(MACHINE_DONE, false), REVIVAL_REST);
	assert_int_equal(revival_plan(MACHINE_FAILED, false), REVIVAL_REST);
}

static void what_was_going_on_goes_on(void **state)
{
	assert_int_equal(revival_plan(MACHINE_SWEEPING, false), REVIVAL_SWEEP);
	assert_int_equal(revival_plan(MACHINE_DRAINING, false), REVIVAL_DRAIN);
}

static void who_left_in_order_is_followed_by_a_first_one(void **state)
{
	assert_int_equal(revival_plan(MACHINE_LEFT, false), REVIVAL_BEGIN);
	assert_int_equal(revival_plan(MACHINE_STATE_COUNT, true), REVIVAL_BEGIN);
}

static void process_is_the_same_if_it_was_born_when_ours_was(void **state)
{
	/* Ticks are cut off, times are not: 1234 is from 12.34 s to 12.35 s. */
	assert_true(revival_is_same(1234, 12345000, 12346000));
	assert_true(revival_is_same(1234, 12349999, 12350001));
	assert_true(revival_is_same(1235, 12349999, 12350001));
	assert_false(revival_is_same(1233, 12340000, 12350000));
	assert_false(revival_is_same(1236, 12340000, 12350000));
}

static void process_that_is_known_is_the_same_and_its_neighbours_are_not(void **state)
{
	usec_t from_usec, until_usec;

	revival_window(1234, &from_usec, &until_usec);
	assert_true(revival_is_same(1234, from_usec, until_usec));
	assert_false(revival_is_same(1233, from_usec, until_usec));
	assert_false(revival_is_same(1235, from_usec, until_usec));
}

static void process_that_never_began_to_run_is_nobody(void **state)
{
	assert_false(revival_is_same(1234, 12345000, 0));
	assert_false(revival_is_same(0, 12345000, 0));
}

static void keeper_that_was_killed_is_followed(void **state)
{
	assert_true(revival_follows("signal", "KILL", false));
	assert_true(revival_follows("core-dump", "SEGV", false));
	assert_true(revival_follows("watchdog", "ABRT", false));
}

static void keeper_that_could_not_be_executed_is_followed(void **state)
{
	assert_true(revival_follows("exit-code", "203", false));
	assert_true(revival_follows("exit-code", "219", false));
}

static void keeper_that_left_is_not_followed(void **state)
{
	assert_false(revival_follows("success", "0", false));
	assert_false(revival_follows("success", "TERM", false));
	assert_false(revival_follows("exit-code", "1", false));
	assert_false(revival_follows("exit-code", "2", false));
	assert_false(revival_follows("timeout", "KILL", false));
}

static void nobody_follows_when_a_stop_was_asked_for(void **state)
{
	assert_false(revival_follows("signal", "KILL", true));
	assert_false(revival_follows("exit-code", "203", true));
}

static void what_is_not_known_is_no(void **state)
{
	assert_false(revival_follows(NULL, NULL, false));
	assert_false(revival_follows("exit-code", NULL, false));
	assert_false(revival_follows("exit-code", "", false));
	assert_false(revival_follows("exit-code", "999", false));
	assert_false(revival_follows("new-result", "KILL", false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(running_program_is_watched_and_a_dead_one_mourned),
		cmocka_unit_test(nothing_is_started_that_was_not_to_run),
		cmocka_unit_test(what_was_going_on_goes_on),
		cmocka_unit_test(who_left_in_order_is_followed_by_a_first_one),
		cmocka_unit_test(process_is_the_same_if_it_was_born_when_ours_was),
		cmocka_unit_test(process_that_is_known_is_the_same_and_its_neighbours_are_not),
		cmocka_unit_test(process_that_never_began_to_run_is_nobody),
		cmocka_unit_test(keeper_that_was_killed_is_followed),
		cmocka_unit_test(keeper_that_could_not_be_executed_is_followed),
		cmocka_unit_test(keeper_that_left_is_not_followed),
		cmocka_unit_test(nobody_follows_when_a_stop_was_asked_for),
		cmocka_unit_test(what_is_not_known_is_no),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
