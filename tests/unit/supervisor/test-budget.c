/* SPDX-License-Identifier: MIT */

/*
 * The host's bound on restarts, with a clock of our own.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "supervisor/budget.h"

static const usec_t start_usec = 5 * USEC_PER_SEC;

/* As many restarts as are due at once and need not wait. */
static unsigned take_all(struct budget *b, usec_t now_usec)
{
	unsigned n = 0;

	while (budget_take(b, now_usec, now_usec) == now_usec)
		n++;
	return n;
}

static void budget_full_lets_a_burst_go_when_it_is_due(void **fixture unused)
{
	struct budget b = {0};

	assert_int_equal(take_all(&b, start_usec), BUDGET_BURST);
}

static void budget_lets_more_go_one_after_the_other(void **fixture unused)
{
	struct budget b = {0};

	for (unsigned i = 0; i < BUDGET_BURST; i++)
		budget_take(&b, start_usec, start_usec);
	for (unsigned i = 1; i <= BUDGET_PER_SEC; i++)
		assert_int_equal(budget_take(&b, start_usec, start_usec),
				 start_usec + i * USEC_PER_SEC / BUDGET_PER_SEC);
}

static void
budget_keeps_nobody_waiting_for_a_place_that_comes_before_it_is_due(void **fixture unused)
{
	struct budget b = {0};
	usec_t due_usec = start_usec + USEC_PER_SEC / 10;

	take_all(&b, start_usec);
	for (unsigned i = 0; i < BUDGET_PER_SEC / 20; i++)
		assert_int_equal(budget_take(&b, start_usec, due_usec), due_usec);
}

static void budget_waits_for_no_delay_of_others(void **fixture unused)
{
	struct budget b = {0};

	for (unsigned i = 0; i < BUDGET_BURST / 2; i++)
		budget_take(&b, start_usec, start_usec + USEC_PER_MINUTE);
	assert_int_equal(take_all(&b, start_usec), BUDGET_BURST / 2);
}

static void budget_refills_at_its_rate_and_no_further_than_the_burst(void **fixture unused)
{
	struct budget b = {0};

	take_all(&b, start_usec);
	/* The one that had to wait has taken a place, too. */
	assert_int_equal(take_all(&b, start_usec + USEC_PER_SEC / 10), BUDGET_PER_SEC / 10 - 1);
	assert_int_equal(take_all(&b, start_usec + USEC_PER_HOUR), BUDGET_BURST);
}

static void budget_exhausted_lets_the_rest_go_a_second_late_and_owes_nothing(void **fixture unused)
{
	struct budget b = {0};
	usec_t latest = start_usec + BUDGET_WAIT_USEC;

	for (unsigned i = 0; i < 10000; i++)
		assert_in_range(budget_take(&b, start_usec, start_usec), start_usec, latest);
	assert_int_equal(budget_take(&b, start_usec, start_usec), latest);
	assert_int_equal(take_all(&b, latest + USEC_PER_SEC), BUDGET_BURST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(budget_full_lets_a_burst_go_when_it_is_due),
		cmocka_unit_test(budget_lets_more_go_one_after_the_other),
		cmocka_unit_test(
			budget_keeps_nobody_waiting_for_a_place_that_comes_before_it_is_due),
		cmocka_unit_test(budget_waits_for_no_delay_of_others),
		cmocka_unit_test(budget_refills_at_its_rate_and_no_further_than_the_burst),
		cmocka_unit_test(budget_exhausted_lets_the_rest_go_a_second_late_and_owes_nothing),
	};

	return cmocka_run_group_tests_name("budget", tests, NULL, NULL);
}
