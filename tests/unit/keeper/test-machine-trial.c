/* SPDX-License-Identifier: MIT */

/*
 * Which lives are on trial, that is, not worth telling anybody about yet.
 */

#include "supervisor/keeper/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/keeper/machine-steps.h"

/* A life has ended with a failure, and its tree is being swept. */
static struct machine ended(void)
{
	struct machine m = {.deadline_usec = USEC_INFINITY};

	step(&m, MACHINE_START);
	gone(&m, KEEPER_CAUSE_EXIT, EXITED(1));
	return m;
}

/* The life that follows the @n_failures-th in a row, which was as long as @uptime_usec. */
static struct machine next_life(uint32_t n_failures, usec_t uptime_usec)
{
	struct machine m = ended();
	struct machine_event swept = make_event(MACHINE_SWEPT);

	m.n_failures = n_failures - 1;
	swept.uptime_usec = uptime_usec;
	step_with(&m, &always, swept);
	if (m.state == MACHINE_BACKOFF)
		step(&m, MACHINE_DEADLINE);
	assert_int_equal(m.state, MACHINE_RUNNING);
	return m;
}

static void life_after_quick_deaths_is_on_trial(void **state)
{
	struct machine at_once = next_life(2, MACHINE_TRIAL_USEC - 1);
	struct machine later = next_life(3, 0);

	assert_true(machine_on_trial(&at_once));
	assert_true(machine_on_trial(&later));
	assert_int_equal(later.deadline_usec, NOW + MACHINE_TRIAL_USEC);
	gone(&later, KEEPER_CAUSE_EXIT, EXITED(1));
	assert_false(machine_on_trial(&later));
}

static void life_after_the_first_death_or_a_longer_life_is_not_on_trial(void **state)
{
	struct machine first = next_life(1, 0);
	struct machine longer = next_life(3, MACHINE_TRIAL_USEC);

	assert_false(machine_on_trial(&first));
	assert_false(machine_on_trial(&longer));
	assert_true(longer.deadline_usec == USEC_INFINITY);
}

static void life_that_lasts_is_told_and_no_more_on_trial(void **state)
{
	struct machine m = next_life(3, 0);

	assert_int_equal(step(&m, MACHINE_DEADLINE), MACHINE_ORDER_CHANGED);
	assert_false(machine_on_trial(&m));
	assert_true(m.deadline_usec == USEC_INFINITY);
}

static void life_that_was_asked_for_is_not_on_trial(void **state)
{
	struct machine waiting = ended(), running = next_life(3, 0);

	waiting.n_failures = 2;
	step(&waiting, MACHINE_SWEPT);
	step(&waiting, MACHINE_START);
	assert_false(machine_on_trial(&waiting));
	step(&running, MACHINE_RESTART);
	gone(&running, KEEPER_CAUSE_SIGNAL, 15);
	step(&running, MACHINE_SWEPT);
	assert_false(machine_on_trial(&running));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(life_after_quick_deaths_is_on_trial),
		cmocka_unit_test(life_after_the_first_death_or_a_longer_life_is_not_on_trial),
		cmocka_unit_test(life_that_lasts_is_told_and_no_more_on_trial),
		cmocka_unit_test(life_that_was_asked_for_is_not_on_trial),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
