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

static unsigned take_all(struct budget *b, usec_t now_usec)
{
	usec_t at;
	unsigned n = 0;

	while (budget_take(b, now_usec, &at))
		n++;
	return n;
}

static void budget_full_grants_a_burst(void **fixture unused)
{
	struct budget b;

	budget_init(&b, start_usec);
	assert_int_equal(take_all(&b, start_usec), BUDGET_BURST);
}

static void budget_empty_says_when_to_ask_again(void **fixture unused)
{
	struct budget b;
	usec_t at = 0;

	budget_init(&b, start_usec);
	take_all(&b, start_usec);
	assert_false(budget_take(&b, start_usec, &at));
	assert_in_range(at, start_usec + 1, start_usec + USEC_PER_SEC / BUDGET_PER_SEC + 1);
	assert_true(budget_take(&b, at, &at));
}

static void budget_refills_at_its_rate_and_no_further_than_the_burst(void **fixture unused)
{
	struct budget b;

	budget_init(&b, start_usec);
	take_all(&b, start_usec);
	assert_int_equal(take_all(&b, start_usec + USEC_PER_SEC / 10), BUDGET_PER_SEC / 10);
	assert_int_equal(take_all(&b, start_usec + USEC_PER_HOUR), BUDGET_BURST);
}

static void budget_asked_often_still_refills(void **fixture unused)
{
	struct budget b;
	usec_t at;
	unsigned n = 0;

	budget_init(&b, start_usec);
	take_all(&b, start_usec);
	for (usec_t past = 0; past < USEC_PER_SEC; past += 3)
		n += budget_take(&b, start_usec + past, &at);
	assert_in_range(n, BUDGET_PER_SEC - 1, BUDGET_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(budget_full_grants_a_burst),
		cmocka_unit_test(budget_empty_says_when_to_ask_again),
		cmocka_unit_test(budget_refills_at_its_rate_and_no_further_than_the_burst),
		cmocka_unit_test(budget_asked_often_still_refills),
	};

	return cmocka_run_group_tests_name("budget", tests, NULL, NULL);
}
