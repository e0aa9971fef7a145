/* SPDX-License-Identifier: MIT */

/*
 * A unit, heard of event by event.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "supervisor/unit-state.h"

static void unit_that_starts_is_alive(void **fixture unused)
{
	enum unit_state state = UNIT_STARTING;

	assert_int_equal(unit_step(&state, UNIT_EVENT_ACTIVE), 0);
	assert_int_equal(state, UNIT_STARTING);
	assert_int_equal(unit_step(&state, UNIT_EVENT_STARTED), 0);
	assert_int_equal(state, UNIT_ALIVE);
}

static void unit_that_missed_what_it_needs_may_be_asked_for_again(void **fixture unused)
{
	enum unit_state state = UNIT_STARTING;

	assert_int_equal(unit_step(&state, UNIT_EVENT_MISSED), UNIT_ACTION_TELL_MISSED);
	assert_int_equal(state, UNIT_GONE);
}

static void unit_that_is_refused_is_told_once(void **fixture unused)
{
	enum unit_state state = UNIT_STARTING;

	assert_int_equal(unit_step(&state, UNIT_EVENT_REFUSED), UNIT_ACTION_TELL_FAILED);
	assert_int_equal(state, UNIT_GONE);
	assert_int_equal(unit_step(&state, UNIT_EVENT_UNLOADED), 0);
}

static void unit_whose_start_fails_is_stopped_and_waited_for(void **fixture unused)
{
	enum unit_state state = UNIT_STARTING;

	assert_int_equal(unit_step(&state, UNIT_EVENT_FAILED),
			 UNIT_ACTION_STOP | UNIT_ACTION_ASK | UNIT_ACTION_TELL_FAILED);
	assert_int_equal(state, UNIT_ENDED);
	assert_int_equal(unit_step(&state, UNIT_EVENT_ACTIVE), 0);
	assert_int_equal(unit_step(&state, UNIT_EVENT_UNLOADED), UNIT_ACTION_TELL_GONE);
	assert_int_equal(state, UNIT_GONE);
}

static void unit_that_vanishes_while_it_starts_has_failed(void **fixture unused)
{
	enum unit_state state = UNIT_STARTING;

	assert_int_equal(unit_step(&state, UNIT_EVENT_UNLOADED), UNIT_ACTION_TELL_FAILED);
	assert_int_equal(state, UNIT_GONE);
}

static void unit_that_is_queued_is_not_taken_for_dead(void **fixture unused)
{
	enum unit_state state = UNIT_STARTING;

	assert_int_equal(unit_step(&state, UNIT_EVENT_INACTIVE), 0);
	assert_int_equal(unit_step(&state, UNIT_EVENT_DEAD), 0);
	assert_int_equal(state, UNIT_STARTING);
}

static void unit_that_is_restarted_is_never_killed(void **fixture unused)
{
	enum unit_state state = UNIT_ALIVE;

	assert_int_equal(unit_step(&state, UNIT_EVENT_INACTIVE), UNIT_ACTION_ASK);
	assert_int_equal(state, UNIT_DOUBTED);
	assert_int_equal(unit_step(&state, UNIT_EVENT_ACTIVE), 0);
	assert_int_equal(state, UNIT_ALIVE);
}

static void unit_that_is_dead_and_loaded_has_its_rest_killed(void **fixture unused)
{
	enum unit_state state = UNIT_ALIVE;

	assert_int_equal(unit_step(&state, UNIT_EVENT_INACTIVE), UNIT_ACTION_ASK);
	assert_int_equal(unit_step(&state, UNIT_EVENT_DEAD), UNIT_ACTION_KILL);
	assert_int_equal(state, UNIT_ENDED);
	/* A process that was born meanwhile: it is not given up. */
	assert_int_equal(unit_step(&state, UNIT_EVENT_DEAD), UNIT_ACTION_KILL);
	assert_int_equal(unit_step(&state, UNIT_EVENT_UNLOADED), UNIT_ACTION_TELL_GONE);
	assert_int_equal(state, UNIT_GONE);
}

static void unit_that_is_unloaded_has_gone_from_any_state(void **fixture unused)
{
	static const enum unit_state from[] = {UNIT_ALIVE, UNIT_DOUBTED, UNIT_ENDED};

	for (size_t i = 0; i < ARRAY_LEN(from); i++) {
		enum unit_state state = from[i];

		assert_int_equal(unit_step(&state, UNIT_EVENT_UNLOADED), UNIT_ACTION_TELL_GONE);
		assert_int_equal(state, UNIT_GONE);
	}
}

static void unit_that_has_gone_hears_nothing(void **fixture unused)
{
	for (int e = 0; e < UNIT_EVENT_COUNT; e++) {
		enum unit_state state = UNIT_GONE;

		assert_int_equal(unit_step(&state, (enum unit_event)e), 0);
		assert_int_equal(state, UNIT_GONE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unit_that_starts_is_alive),
		cmocka_unit_test(unit_that_missed_what_it_needs_may_be_asked_for_again),
		cmocka_unit_test(unit_that_is_refused_is_told_once),
		cmocka_unit_test(unit_whose_start_fails_is_stopped_and_waited_for),
		cmocka_unit_test(unit_that_vanishes_while_it_starts_has_failed),
		cmocka_unit_test(unit_that_is_queued_is_not_taken_for_dead),
		cmocka_unit_test(unit_that_is_restarted_is_never_killed),
		cmocka_unit_test(unit_that_is_dead_and_loaded_has_its_rest_killed),
		cmocka_unit_test(unit_that_is_unloaded_has_gone_from_any_state),
		cmocka_unit_test(unit_that_has_gone_hears_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
