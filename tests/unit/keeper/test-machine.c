/* SPDX-License-Identifier: MIT */

/*
 * The table, cell by cell. A case says where the machine stands, what happens, and what it must do;
 * a pair of state and event that no case names must do nothing at all.
 */

#include "supervisor/keeper/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/keeper/machine-steps.h"

static void hold(struct machine *m, usec_t until_usec)
{
	struct machine_event e = make_event(MACHINE_HOLD);

	e.until_usec = until_usec;
	assert_int_equal(step_with(m, &always, e), 0);
}

/* A machine that has come to a state by events only. */
static struct machine make(enum machine_state state)
{
	struct machine m = {.deadline_usec = USEC_INFINITY};
	struct machine_event swept = make_event(MACHINE_SWEPT);
	struct machine_rule never = always;

	never.restart = MACHINE_RESTART_NEVER;
	if (state == MACHINE_IDLE)
		return m;
	if (state == MACHINE_DRAINING || state == MACHINE_LEFT) {
		step(&m, MACHINE_LEAVE);
		if (state == MACHINE_LEFT)
			step(&m, MACHINE_DRAINED);
		return m;
	}
	step(&m, MACHINE_START);
	if (state == MACHINE_STOPPING)
		step(&m, MACHINE_STOP);
	if (state == MACHINE_RUNNING || state == MACHINE_STOPPING)
		return m;
	gone(&m, KEEPER_CAUSE_EXIT, EXITED(state == MACHINE_DONE ? 0 : 1));
	if (state == MACHINE_SWEEPING)
		return m;
	if (state == MACHINE_DONE || state == MACHINE_FAILED) {
		step_with(&m, &never, swept);
		return m;
	}
	m.n_failures = 2;
	step_with(&m, &always, swept);
	if (state == MACHINE_HELD)
		hold(&m, m.next_usec + 1);
	return m;
}

static void each_state_can_be_reached(void **state)
{
	for (int i = 0; i < MACHINE_STATE_COUNT; i++)
		assert_int_equal(make((enum machine_state)i).state, i);
}

#define C MACHINE_ORDER_CHANGED
#define LAUNCH (MACHINE_ORDER_SPAWN | C)
#define STOP (MACHINE_ORDER_SIGNAL | C)
#define SWEEP (MACHINE_ORDER_SWEEP | C)
#define DRAIN (MACHINE_ORDER_DRAIN | C)
#define REPORT MACHINE_ORDER_REPORT

struct transition {
	enum machine_state from;
	enum machine_event_kind event;
	enum machine_state to;
	unsigned orders;
	int result;
};

/* clang-format off */
static const struct transition transitions[] = {
	{MACHINE_IDLE, MACHINE_FOUND, MACHINE_SWEEPING, SWEEP, 0},
	{MACHINE_IDLE, MACHINE_START, MACHINE_RUNNING, LAUNCH, 0},
	{MACHINE_IDLE, MACHINE_RESTART, MACHINE_RUNNING, LAUNCH, 0},
	{MACHINE_IDLE, MACHINE_LEAVE, MACHINE_DRAINING, DRAIN, 0},

	{MACHINE_RUNNING, MACHINE_STOP, MACHINE_STOPPING, STOP, 0},
	{MACHINE_RUNNING, MACHINE_LEAVE, MACHINE_STOPPING, STOP, 0},
	{MACHINE_RUNNING, MACHINE_RESTART, MACHINE_STOPPING, STOP, 0},
	{MACHINE_RUNNING, MACHINE_FAIL, MACHINE_STOPPING, STOP, 0},
	{MACHINE_RUNNING, MACHINE_WATCHDOG, MACHINE_STOPPING, STOP, 0},
	{MACHINE_RUNNING, MACHINE_GONE, MACHINE_SWEEPING, SWEEP, 0},
	{MACHINE_RUNNING, MACHINE_DEADLINE, MACHINE_RUNNING, C, 0},

	{MACHINE_STOPPING, MACHINE_START, MACHINE_STOPPING, 0, 0},
	{MACHINE_STOPPING, MACHINE_RESTART, MACHINE_STOPPING, 0, 0},
	{MACHINE_STOPPING, MACHINE_STOP, MACHINE_STOPPING, 0, 0},
	{MACHINE_STOPPING, MACHINE_LEAVE, MACHINE_STOPPING, 0, 0},
	{MACHINE_STOPPING, MACHINE_GONE, MACHINE_SWEEPING, SWEEP, 0},
	{MACHINE_STOPPING, MACHINE_DEADLINE, MACHINE_SWEEPING, SWEEP, 0},

	{MACHINE_SWEEPING, MACHINE_START, MACHINE_SWEEPING, 0, 0},
	{MACHINE_SWEEPING, MACHINE_RESTART, MACHINE_SWEEPING, 0, 0},
	{MACHINE_SWEEPING, MACHINE_STOP, MACHINE_SWEEPING, 0, 0},
	{MACHINE_SWEEPING, MACHINE_LEAVE, MACHINE_SWEEPING, 0, 0},
	{MACHINE_SWEEPING, MACHINE_GONE, MACHINE_SWEEPING, 0, 0},
	{MACHINE_SWEEPING, MACHINE_SWEPT, MACHINE_RUNNING, REPORT | LAUNCH, 0},
	{MACHINE_SWEEPING, MACHINE_DEADLINE, MACHINE_SWEEPING, REPORT, 0},

	{MACHINE_BACKOFF, MACHINE_START, MACHINE_RUNNING, LAUNCH, 0},
	{MACHINE_BACKOFF, MACHINE_RESTART, MACHINE_RUNNING, LAUNCH, 0},
	{MACHINE_BACKOFF, MACHINE_STOP, MACHINE_IDLE, C, 0},
	{MACHINE_BACKOFF, MACHINE_LEAVE, MACHINE_DRAINING, DRAIN, 0},
	{MACHINE_BACKOFF, MACHINE_HOLD, MACHINE_BACKOFF, 0, 0},
	{MACHINE_BACKOFF, MACHINE_DEADLINE, MACHINE_RUNNING, LAUNCH, 0},

	{MACHINE_HELD, MACHINE_START, MACHINE_RUNNING, LAUNCH, 0},
	{MACHINE_HELD, MACHINE_RESTART, MACHINE_RUNNING, LAUNCH, 0},
	{MACHINE_HELD, MACHINE_STOP, MACHINE_IDLE, C, 0},
	{MACHINE_HELD, MACHINE_LEAVE, MACHINE_DRAINING, DRAIN, 0},
	{MACHINE_HELD, MACHINE_HOLD, MACHINE_HELD, 0, 0},
	{MACHINE_HELD, MACHINE_DEADLINE, MACHINE_RUNNING, LAUNCH, 0},

	{MACHINE_DONE, MACHINE_START, MACHINE_RUNNING, LAUNCH, 0},
	{MACHINE_DONE, MACHINE_RESTART, MACHINE_RUNNING, LAUNCH, 0},
	{MACHINE_DONE, MACHINE_STOP, MACHINE_IDLE, C, 0},
	{MACHINE_DONE, MACHINE_LEAVE, MACHINE_DRAINING, DRAIN, 0},

	{MACHINE_FAILED, MACHINE_START, MACHINE_RUNNING, LAUNCH, 0},
	{MACHINE_FAILED, MACHINE_RESTART, MACHINE_RUNNING, LAUNCH, 0},
	{MACHINE_FAILED, MACHINE_STOP, MACHINE_IDLE, C, 0},
	{MACHINE_FAILED, MACHINE_LEAVE, MACHINE_DRAINING, DRAIN, 0},

	{MACHINE_DRAINING, MACHINE_START, MACHINE_DRAINING, 0, -ESHUTDOWN},
	{MACHINE_DRAINING, MACHINE_RESTART, MACHINE_DRAINING, 0, -ESHUTDOWN},
	{MACHINE_DRAINING, MACHINE_DRAINED, MACHINE_LEFT, C, 0},
	{MACHINE_DRAINING, MACHINE_DEADLINE, MACHINE_LEFT, C, 0},

	{MACHINE_LEFT, MACHINE_START, MACHINE_LEFT, 0, -ESHUTDOWN},
	{MACHINE_LEFT, MACHINE_RESTART, MACHINE_LEFT, 0, -ESHUTDOWN},
};
/* clang-format on */

static const struct transition *find(int from, int event)
{
	for (size_t i = 0; i < ARRAY_LEN(transitions); i++) {
		if ((int)transitions[i].from == from && (int)transitions[i].event == event)
			return &transitions[i];
	}
	return NULL;
}

static void check(int from, int event)
{
	const struct transition *t = find(from, event);
	struct machine before = make((enum machine_state)from), m = before;
	struct machine_event e = make_event((enum machine_event_kind)event);
	unsigned orders = 0;
	int r = machine_step(&m, &always, &e, &orders);

	if (!t) {
		assert_int_equal(r, 0);
		assert_int_equal(orders, 0);
		assert_memory_equal(&m, &before, sizeof(m));
		return;
	}
	assert_int_equal(r, t->result);
	assert_int_equal(m.state, t->to);
	assert_int_equal(orders, t->orders);
}

static void each_event_in_each_state_does_what_the_table_says(void **state)
{
	for (int from = 0; from < MACHINE_STATE_COUNT; from++) {
		for (int event = 0; event < MACHINE_EVENT_COUNT; event++)
			check(from, event);
	}
}

static void who_was_found_at_the_beginning_is_killed_first_and_not_reported(void **state)
{
	struct machine m = make(MACHINE_IDLE);

	step(&m, MACHINE_FOUND);
	assert_int_equal(step(&m, MACHINE_START), 0);
	assert_int_equal(step(&m, MACHINE_SWEPT), LAUNCH);
	m = make(MACHINE_IDLE);
	step(&m, MACHINE_FOUND);
	assert_int_equal(step(&m, MACHINE_SWEPT), C);
	assert_int_equal(m.state, MACHINE_IDLE);
}

static void stop_is_final(void **state)
{
	struct machine m = make(MACHINE_STOPPING);

	assert_int_equal(m.deadline_usec, NOW + always.stop_usec);
	gone(&m, KEEPER_CAUSE_SIGNAL, 15);
	assert_int_equal(m.cause, KEEPER_CAUSE_STOP);
	assert_int_equal(m.wait_status, 15);
	assert_int_equal(step(&m, MACHINE_SWEPT), REPORT | C);
	assert_int_equal(m.state, MACHINE_IDLE);
}

static void stop_timeout_has_a_cause_of_its_own(void **state)
{
	struct machine m = make(MACHINE_STOPPING);

	step(&m, MACHINE_DEADLINE);
	assert_int_equal(m.wait_status, -1);
	gone(&m, KEEPER_CAUSE_SIGNAL, 9);
	assert_int_equal(m.cause, KEEPER_CAUSE_STOP_TIMEOUT);
	assert_int_equal(m.wait_status, 9);
}

static void restart_starts_again_at_once_with_a_clean_slate(void **state)
{
	struct machine m = make(MACHINE_RUNNING);

	m.n_failures = 7;
	m.n_restarts = 8;
	step(&m, MACHINE_RESTART);
	gone(&m, KEEPER_CAUSE_SIGNAL, 15);
	assert_int_equal(m.cause, KEEPER_CAUSE_STOP);
	assert_int_equal(step(&m, MACHINE_SWEPT), REPORT | LAUNCH);
	assert_int_equal(m.n_failures, 0);
	assert_int_equal(m.n_restarts, 0);
}

static void start_while_stopping_starts_afterwards(void **state)
{
	struct machine m = make(MACHINE_STOPPING);

	step(&m, MACHINE_START);
	gone(&m, KEEPER_CAUSE_SIGNAL, 15);
	assert_int_equal(step(&m, MACHINE_SWEPT), REPORT | LAUNCH);
	assert_int_equal(m.state, MACHINE_RUNNING);
}

static void last_word_counts_while_ending(void **state)
{
	struct machine m = make(MACHINE_RUNNING);

	step(&m, MACHINE_RESTART);
	step(&m, MACHINE_STOP);
	step(&m, MACHINE_START);
	step(&m, MACHINE_STOP);
	gone(&m, KEEPER_CAUSE_SIGNAL, 15);
	step(&m, MACHINE_SWEPT);
	assert_int_equal(m.state, MACHINE_IDLE);
}

static void stop_while_sweeping_after_a_crash_stays_stopped_and_keeps_the_cause(void **state)
{
	struct machine m = make(MACHINE_SWEEPING);

	step(&m, MACHINE_STOP);
	step(&m, MACHINE_SWEPT);
	assert_int_equal(m.state, MACHINE_IDLE);
	assert_int_equal(m.cause, KEEPER_CAUSE_EXIT);
}

static void leaving_cannot_be_taken_back(void **state)
{
	struct machine_event start = make_event(MACHINE_START);
	struct machine m = make(MACHINE_RUNNING);
	unsigned orders = 0;

	step(&m, MACHINE_LEAVE);
	assert_int_equal(machine_step(&m, &always, &start, &orders), -ESHUTDOWN);
	step(&m, MACHINE_STOP);
	gone(&m, KEEPER_CAUSE_SIGNAL, 15);
	assert_int_equal(machine_step(&m, &always, &start, &orders), -ESHUTDOWN);
	step(&m, MACHINE_SWEPT);
	assert_int_equal(m.state, MACHINE_DRAINING);
}

static void leaving_keeper_reports_last(void **state)
{
	struct machine m = make(MACHINE_RUNNING);

	step(&m, MACHINE_LEAVE);
	gone(&m, KEEPER_CAUSE_SIGNAL, 15);
	assert_int_equal(step(&m, MACHINE_SWEPT), DRAIN);
	assert_int_equal(machine_public(&m), KEEPER_STOPPING);
	assert_int_equal(m.deadline_usec, NOW + MACHINE_DRAIN_USEC);
	assert_int_equal(step(&m, MACHINE_DEADLINE), REPORT | C);
	assert_int_equal(m.state, MACHINE_LEFT);
}

static void leaving_an_idle_keeper_reports_nothing(void **state)
{
	struct machine m = make(MACHINE_DRAINING);

	assert_int_equal(machine_public(&m), KEEPER_IDLE);
	assert_int_equal(step(&m, MACHINE_DRAINED), C);
}

static void what_does_not_die_is_reported_once_and_nothing_is_spawned(void **state)
{
	struct machine m = make(MACHINE_SWEEPING);

	assert_int_equal(m.deadline_usec, NOW + MACHINE_SWEEP_USEC);
	assert_int_equal(step(&m, MACHINE_DEADLINE), REPORT);
	assert_true(m.deadline_usec == USEC_INFINITY);
	assert_int_equal(m.state, MACHINE_SWEEPING);
	assert_int_equal(step(&m, MACHINE_SWEPT), LAUNCH);
}

static void leaving_keeper_gives_up_on_what_does_not_die(void **state)
{
	struct machine m = make(MACHINE_SWEEPING);

	step(&m, MACHINE_LEAVE);
	assert_int_equal(step(&m, MACHINE_DEADLINE), DRAIN);
	assert_int_equal(step(&m, MACHINE_DRAINED), REPORT | C);
}

static void failure_told_by_the_supervisor_counts(void **state)
{
	struct machine m = make(MACHINE_RUNNING);
	struct machine_event e = make_event(MACHINE_FAIL);

	e.cause = KEEPER_CAUSE_HEALTH;
	step_with(&m, &always, e);
	gone(&m, KEEPER_CAUSE_SIGNAL, 15);
	assert_int_equal(m.cause, KEEPER_CAUSE_HEALTH);
	step(&m, MACHINE_SWEPT);
	assert_int_equal(m.n_failures, 1);
	assert_int_equal(m.n_restarts, 1);
}

static void failure_stays_one_though_the_payload_exits_with_0(void **state)
{
	struct machine_rule on_failure = always;
	struct machine m = make(MACHINE_RUNNING);

	on_failure.restart = MACHINE_RESTART_ON_FAILURE;
	step(&m, MACHINE_WATCHDOG);
	gone(&m, KEEPER_CAUSE_EXIT, 0);
	assert_int_equal(m.cause, KEEPER_CAUSE_WATCHDOG);
	step_with(&m, &on_failure, make_event(MACHINE_SWEPT));
	assert_int_equal(m.state, MACHINE_RUNNING);
}

static void status_that_comes_late_replaces_an_unknowable_one(void **state)
{
	struct machine m = make(MACHINE_RUNNING);

	gone(&m, KEEPER_CAUSE_EXIT, -1);
	gone(&m, KEEPER_CAUSE_SIGNAL, 9);
	assert_int_equal(m.cause, KEEPER_CAUSE_SIGNAL);
	assert_int_equal(m.wait_status, 9);
}

static enum machine_state end_of(struct machine_rule rule, int wait_status)
{
	struct machine m = make(MACHINE_RUNNING);

	gone(&m, KEEPER_CAUSE_EXIT, wait_status);
	step_with(&m, &rule, make_event(MACHINE_SWEPT));
	return m.state;
}

static void rule_decides_what_an_end_means(void **state)
{
	static const struct {
		bool is_oneshot;
		enum machine_restart restart;
		enum machine_state success;
		enum machine_state failure;
	} rules[] = {
		{false, MACHINE_RESTART_ALWAYS, MACHINE_RUNNING, MACHINE_RUNNING},
		{false, MACHINE_RESTART_ON_FAILURE, MACHINE_DONE, MACHINE_RUNNING},
		{false, MACHINE_RESTART_NEVER, MACHINE_DONE, MACHINE_FAILED},
		{true, MACHINE_RESTART_ALWAYS, MACHINE_DONE, MACHINE_FAILED},
		{true, MACHINE_RESTART_ON_FAILURE, MACHINE_DONE, MACHINE_RUNNING},
		{true, MACHINE_RESTART_NEVER, MACHINE_DONE, MACHINE_FAILED},
	};

	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		struct machine_rule rule = always;

		rule.is_oneshot = rules[i].is_oneshot;
		rule.restart = rules[i].restart;
		assert_int_equal(end_of(rule, EXITED(0)), rules[i].success);
		assert_int_equal(end_of(rule, EXITED(1)), rules[i].failure);
		assert_int_equal(end_of(rule, -1), rules[i].failure);
	}
}

static void too_many_failures_are_final(void **state)
{
	struct machine_rule bounded = always;
	struct machine m = make(MACHINE_SWEEPING);

	bounded.backoff.max_restarts = 3;
	m.n_failures = 3;
	assert_int_equal(step_with(&m, &bounded, make_event(MACHINE_SWEPT)), REPORT | C);
	assert_int_equal(m.state, MACHINE_FAILED);
}

static void third_failure_waits_and_goes_ahead_when_nobody_objects(void **state)
{
	struct machine m = make(MACHINE_SWEEPING);

	m.n_failures = 2;
	assert_int_equal(step(&m, MACHINE_SWEPT), REPORT | C);
	assert_int_equal(m.state, MACHINE_BACKOFF);
	assert_int_equal(m.next_usec, NOW + always.backoff.delay_usec);
	assert_int_equal(m.deadline_usec, m.next_usec);
	assert_int_equal(step(&m, MACHINE_DEADLINE), LAUNCH);
}

static void third_failure_leaves_those_who_hear_of_it_the_time_to_object(void **state)
{
	struct machine_rule hasty = always;
	struct machine_event heard = make_event(MACHINE_SWEPT);
	struct machine alone = make(MACHINE_SWEEPING), watched = make(MACHINE_SWEEPING);

	hasty.backoff.delay_usec = hasty.backoff.max_delay_usec = 1000;
	heard.has_subscriber = true;
	alone.n_failures = watched.n_failures = 2;
	step_with(&alone, &hasty, make_event(MACHINE_SWEPT));
	step_with(&watched, &hasty, heard);
	assert_int_equal(alone.next_usec, NOW + 1000);
	assert_int_equal(watched.next_usec, NOW + MACHINE_HOLDABLE_USEC);
}

static void held_restart_waits_as_long_as_it_was_told(void **state)
{
	struct machine m = make(MACHINE_BACKOFF);

	hold(&m, m.next_usec + 5);
	assert_int_equal(machine_public(&m), KEEPER_BACKOFF);
	assert_int_equal(m.deadline_usec, m.next_usec + 5);
	assert_int_equal(step(&m, MACHINE_DEADLINE), LAUNCH);
	assert_int_equal(m.next_usec, 0);
}

static void held_restart_waits_a_second_and_no_longer(void **state)
{
	struct machine m = make(MACHINE_BACKOFF);

	hold(&m, USEC_INFINITY);
	hold(&m, USEC_INFINITY);
	assert_int_equal(m.deadline_usec, m.next_usec + MACHINE_HOLD_USEC);
}

static void hold_that_comes_late_is_of_no_importance(void **state)
{
	struct machine m = make(MACHINE_BACKOFF);

	hold(&m, m.next_usec - 1);
	assert_int_equal(m.state, MACHINE_BACKOFF);
	assert_int_equal(m.deadline_usec, m.next_usec);
}

static void immediate_restart_has_no_time_of_its_own(void **state)
{
	struct machine m = make(MACHINE_SWEEPING);

	step(&m, MACHINE_SWEPT);
	assert_int_equal(m.next_usec, 0);
	assert_true(m.deadline_usec == USEC_INFINITY);
	assert_int_equal(m.n_restarts, 1);
}

static void stopped_backoff_forgets_its_time(void **state)
{
	struct machine m = make(MACHINE_HELD);

	step(&m, MACHINE_STOP);
	assert_int_equal(m.next_usec, 0);
	assert_true(m.deadline_usec == USEC_INFINITY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_state_can_be_reached),
		cmocka_unit_test(each_event_in_each_state_does_what_the_table_says),
		cmocka_unit_test(who_was_found_at_the_beginning_is_killed_first_and_not_reported),
		cmocka_unit_test(stop_is_final),
		cmocka_unit_test(stop_timeout_has_a_cause_of_its_own),
		cmocka_unit_test(restart_starts_again_at_once_with_a_clean_slate),
		cmocka_unit_test(start_while_stopping_starts_afterwards),
		cmocka_unit_test(last_word_counts_while_ending),
		cmocka_unit_test(
			stop_while_sweeping_after_a_crash_stays_stopped_and_keeps_the_cause),
		cmocka_unit_test(leaving_cannot_be_taken_back),
		cmocka_unit_test(leaving_keeper_reports_last),
		cmocka_unit_test(leaving_an_idle_keeper_reports_nothing),
		cmocka_unit_test(what_does_not_die_is_reported_once_and_nothing_is_spawned),
		cmocka_unit_test(leaving_keeper_gives_up_on_what_does_not_die),
		cmocka_unit_test(failure_told_by_the_supervisor_counts),
		cmocka_unit_test(failure_stays_one_though_the_payload_exits_with_0),
		cmocka_unit_test(status_that_comes_late_replaces_an_unknowable_one),
		cmocka_unit_test(rule_decides_what_an_end_means),
		cmocka_unit_test(too_many_failures_are_final),
		cmocka_unit_test(third_failure_waits_and_goes_ahead_when_nobody_objects),
		cmocka_unit_test(held_restart_waits_as_long_as_it_was_told),
		cmocka_unit_test(held_restart_waits_a_second_and_no_longer),
		cmocka_unit_test(third_failure_leaves_those_who_hear_of_it_the_time_to_object),
		cmocka_unit_test(hold_that_comes_late_is_of_no_importance),
		cmocka_unit_test(immediate_restart_has_no_time_of_its_own),
		cmocka_unit_test(stopped_backoff_forgets_its_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
