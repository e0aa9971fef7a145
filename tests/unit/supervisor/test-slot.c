/* SPDX-License-Identifier: MIT */

/*
 * The machine of an instance, played event by event without a process.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "supervisor/slot.h"

static enum slot_action step(enum slot_state *state, enum slot_event event)
{
	bool entered;

	return slot_step(state, event, &entered);
}

/* Brings a fresh instance to RUNNING the usual way. */
static enum slot_state running(void)
{
	enum slot_state state = SLOT_STOPPED;

	step(&state, SLOT_EVENT_WANT);
	step(&state, SLOT_EVENT_DEPS_READY);
	step(&state, SLOT_EVENT_LIFE);
	step(&state, SLOT_EVENT_PROBE_OK);
	assert_int_equal(state, SLOT_RUNNING);
	return state;
}

static void slot_wanted_waits_for_deps_before_it_launches(void **fixture unused)
{
	enum slot_state state = SLOT_STOPPED;

	assert_int_equal(step(&state, SLOT_EVENT_WANT), SLOT_ACTION_NONE);
	assert_int_equal(state, SLOT_WAITING);
	assert_int_equal(step(&state, SLOT_EVENT_DEPS_READY), SLOT_ACTION_LAUNCH);
	assert_int_equal(state, SLOT_LAUNCHING);
}

static void slot_stopped_while_waiting_needs_no_keeper(void **fixture unused)
{
	enum slot_state state = SLOT_WAITING;

	assert_int_equal(step(&state, SLOT_EVENT_REFUSE), SLOT_ACTION_NONE);
	assert_int_equal(state, SLOT_STOPPED);
}

static void slot_probed_ready_tells_its_keeper(void **fixture unused)
{
	enum slot_state state = SLOT_STARTING;

	assert_int_equal(step(&state, SLOT_EVENT_PROBE_OK), SLOT_ACTION_TELL_READY);
	assert_int_equal(state, SLOT_RUNNING);
}

static void slot_late_is_failed_as_not_ready(void **fixture unused)
{
	enum slot_state state = SLOT_STARTING;

	assert_int_equal(step(&state, SLOT_EVENT_PROBE_LATE), SLOT_ACTION_FAIL_NOT_READY);
	assert_int_equal(state, SLOT_RENEWING);
}

static void slot_new_life_while_starting_is_entered_again(void **fixture unused)
{
	enum slot_state state = SLOT_STARTING;
	bool entered = false;

	slot_step(&state, SLOT_EVENT_LIFE, &entered);
	assert_int_equal(state, SLOT_STARTING);
	assert_true(entered);
}

static void slot_meaningless_event_changes_nothing(void **fixture unused)
{
	enum slot_state state = SLOT_RUNNING;
	bool entered = true;

	assert_int_equal(slot_step(&state, SLOT_EVENT_DEPS_READY, &entered), SLOT_ACTION_NONE);
	assert_int_equal(state, SLOT_RUNNING);
	assert_false(entered);
}

static void slot_crashed_and_restarted_by_its_keeper_becomes_ready_anew(void **fixture unused)
{
	enum slot_state state = running();

	assert_int_equal(step(&state, SLOT_EVENT_LIFE), SLOT_ACTION_NONE);
	assert_int_equal(state, SLOT_STARTING);
}

static void slot_unhealthy_is_failed_and_comes_back(void **fixture unused)
{
	enum slot_state state = running();

	assert_int_equal(step(&state, SLOT_EVENT_UNHEALTHY), SLOT_ACTION_FAIL_HEALTH);
	step(&state, SLOT_EVENT_ENDING);
	step(&state, SLOT_EVENT_BACKOFF);
	assert_int_equal(state, SLOT_BACKOFF);
	step(&state, SLOT_EVENT_LIFE);
	assert_int_equal(state, SLOT_STARTING);
}

static void slot_renewed_is_not_ready_with_its_old_life(void **fixture unused)
{
	enum slot_state state = SLOT_STARTING;

	assert_int_equal(step(&state, SLOT_EVENT_RENEW), SLOT_ACTION_RESTART);
	step(&state, SLOT_EVENT_READY);
	assert_int_equal(state, SLOT_RENEWING);
	step(&state, SLOT_EVENT_LIFE);
	step(&state, SLOT_EVENT_READY);
	assert_int_equal(state, SLOT_RUNNING);
}

static void slot_stopped_stays_stopping_until_the_keeper_is_gone(void **fixture unused)
{
	enum slot_state state = running();

	assert_int_equal(step(&state, SLOT_EVENT_REFUSE), SLOT_ACTION_LEAVE);
	for (enum slot_event e = 0; e < SLOT_EVENT_COUNT; e++) {
		if (e == SLOT_EVENT_GONE)
			continue;
		assert_int_equal(step(&state, e), SLOT_ACTION_NONE);
		assert_int_equal(state, SLOT_STOPPING);
	}
	step(&state, SLOT_EVENT_GONE);
	assert_int_equal(state, SLOT_STOPPED);
}

static void slot_that_loses_its_keeper_is_tried_again(void **fixture unused)
{
	static const enum slot_state with_payload[] = {SLOT_LAUNCHING, SLOT_STARTING, SLOT_RUNNING,
						       SLOT_BACKOFF, SLOT_RENEWING};

	for (size_t i = 0; i < ARRAY_LEN(with_payload); i++) {
		enum slot_state state = with_payload[i];

		assert_int_equal(step(&state, SLOT_EVENT_GONE), SLOT_ACTION_RETRY);
		assert_int_equal(state, SLOT_LOST);
		step(&state, SLOT_EVENT_RETRY);
		assert_int_equal(state, SLOT_WAITING);
	}
}

static void slot_that_could_not_be_launched_is_tried_again(void **fixture unused)
{
	enum slot_state state = SLOT_LAUNCHING;

	assert_int_equal(step(&state, SLOT_EVENT_LAUNCH_FAILED), SLOT_ACTION_RETRY);
	assert_int_equal(state, SLOT_LOST);
}

static void slot_started_by_hand_in_backoff_does_not_wait(void **fixture unused)
{
	enum slot_state state = SLOT_BACKOFF;

	assert_int_equal(step(&state, SLOT_EVENT_WANT), SLOT_ACTION_RESTART);
	assert_int_equal(state, SLOT_RENEWING);
}

static void slot_done_does_not_run_again_by_itself(void **fixture unused)
{
	enum slot_state state = SLOT_DONE;

	assert_int_equal(step(&state, SLOT_EVENT_DEPS_READY), SLOT_ACTION_NONE);
	assert_int_equal(step(&state, SLOT_EVENT_DONE), SLOT_ACTION_NONE);
	assert_int_equal(step(&state, SLOT_EVENT_GONE), SLOT_ACTION_NONE);
	assert_int_equal(state, SLOT_DONE);
	assert_true(slot_is_ready(state));
}

static void slot_done_is_stopped_by_dismissing_its_keeper(void **fixture unused)
{
	enum slot_state state = SLOT_DONE;

	assert_int_equal(step(&state, SLOT_EVENT_REFUSE), SLOT_ACTION_LEAVE);
	assert_int_equal(state, SLOT_STOPPING);
}

static void slot_adopted_follows_the_greeting(void **fixture unused)
{
	static const struct {
		enum slot_event greeting;
		enum slot_state state;
	} cases[] = {
		{SLOT_EVENT_LIFE, SLOT_STARTING},   {SLOT_EVENT_READY, SLOT_RUNNING},
		{SLOT_EVENT_BACKOFF, SLOT_BACKOFF}, {SLOT_EVENT_DONE, SLOT_DONE},
		{SLOT_EVENT_FAILED, SLOT_FAILED},   {SLOT_EVENT_ENDING, SLOT_RENEWING},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		enum slot_state state = SLOT_LAUNCHING;

		assert_int_equal(step(&state, cases[i].greeting), SLOT_ACTION_NONE);
		assert_int_equal(state, cases[i].state);
	}
}

static void slot_idle_keeper_is_told_to_start(void **fixture unused)
{
	enum slot_state state = SLOT_LAUNCHING;

	assert_int_equal(step(&state, SLOT_EVENT_IDLE), SLOT_ACTION_START);
	assert_int_equal(state, SLOT_LAUNCHING);
}

static void slot_every_state_can_be_stopped(void **fixture unused)
{
	for (enum slot_state from = 0; from < SLOT_STATE_COUNT; from++) {
		enum slot_state state = from;

		step(&state, SLOT_EVENT_REFUSE);
		assert_true(state == SLOT_STOPPED || state == SLOT_STOPPING);
	}
}

static void slot_every_state_has_one_of_the_seven_public_names(void **fixture unused)
{
	static const char *const names[] = {"stopped", "starting", "running", "stopping",
					    "backoff", "failed",   "done"};

	for (enum slot_state state = 0; state < SLOT_STATE_COUNT; state++) {
		bool known = false;

		for (size_t i = 0; i < ARRAY_LEN(names); i++)
			known |= !strcmp(slot_state_public(state), names[i]);
		assert_true(known);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slot_wanted_waits_for_deps_before_it_launches),
		cmocka_unit_test(slot_stopped_while_waiting_needs_no_keeper),
		cmocka_unit_test(slot_probed_ready_tells_its_keeper),
		cmocka_unit_test(slot_late_is_failed_as_not_ready),
		cmocka_unit_test(slot_new_life_while_starting_is_entered_again),
		cmocka_unit_test(slot_meaningless_event_changes_nothing),
		cmocka_unit_test(slot_crashed_and_restarted_by_its_keeper_becomes_ready_anew),
		cmocka_unit_test(slot_unhealthy_is_failed_and_comes_back),
		cmocka_unit_test(slot_renewed_is_not_ready_with_its_old_life),
		cmocka_unit_test(slot_stopped_stays_stopping_until_the_keeper_is_gone),
		cmocka_unit_test(slot_that_loses_its_keeper_is_tried_again),
		cmocka_unit_test(slot_that_could_not_be_launched_is_tried_again),
		cmocka_unit_test(slot_started_by_hand_in_backoff_does_not_wait),
		cmocka_unit_test(slot_done_does_not_run_again_by_itself),
		cmocka_unit_test(slot_done_is_stopped_by_dismissing_its_keeper),
		cmocka_unit_test(slot_adopted_follows_the_greeting),
		cmocka_unit_test(slot_idle_keeper_is_told_to_start),
		cmocka_unit_test(slot_every_state_can_be_stopped),
		cmocka_unit_test(slot_every_state_has_one_of_the_seven_public_names),
	};

	return cmocka_run_group_tests_name("slot", tests, NULL, NULL);
}
