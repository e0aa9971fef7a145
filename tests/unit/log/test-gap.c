/* SPDX-License-Identifier: MIT */
#include "log/gap.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "log/filter.h"

#define BEGUN (1000 * USEC_PER_SEC)

static struct line line_at(usec_t at_usec)
{
	return (struct line){.text = "text", .n_bytes = 4, .at_usec = at_usec};
}

static bool is_due(const struct gap *g, usec_t line_at_usec, usec_t now_at_usec)
{
	struct line line = line_at(line_at_usec);

	return gap_is_due(g, &line, now_at_usec);
}

static void gap_is_not_due_while_history_is_read(void **state)
{
	struct gap g = {.begun_at_usec = BEGUN};
	struct line old = line_at(BEGUN - 1);

	gap_took(&g, &old, BEGUN + 5 * USEC_PER_SEC);
	assert_false(is_due(&g, BEGUN - 1, BEGUN + USEC_PER_HOUR));
	assert_false(is_due(&g, BEGUN + 1, BEGUN + USEC_PER_HOUR));
}

static void gap_is_due_once_a_live_line_is_late(void **state)
{
	struct gap g = {.begun_at_usec = BEGUN};
	usec_t at_usec = BEGUN + USEC_PER_MINUTE;

	gap_caught_up(&g, BEGUN);
	assert_false(is_due(&g, at_usec, at_usec + GAP_LATE_USEC));
	assert_true(is_due(&g, at_usec, at_usec + GAP_LATE_USEC + 1));
	assert_false(is_due(&g, at_usec, at_usec - USEC_PER_MINUTE)); /* the clock was set back */
}

static void gap_leaves_time_to_come_from_history_to_the_present(void **state)
{
	struct gap g = {.begun_at_usec = BEGUN};
	struct line first_new = line_at(BEGUN);
	usec_t now_at_usec = BEGUN + USEC_PER_HOUR;

	gap_took(&g, &first_new, now_at_usec);
	assert_false(is_due(&g, BEGUN + 1, now_at_usec + GAP_LATE_USEC));
	assert_true(is_due(&g, BEGUN + 1, now_at_usec + GAP_LATE_USEC + 1));
}

static void gap_counts_up_to_a_moment_ago(void **state)
{
	struct gap g = {.begun_at_usec = BEGUN};
	usec_t now_at_usec = BEGUN + USEC_PER_HOUR;
	struct line inside = line_at(now_at_usec - GAP_FRESH_USEC);
	struct line behind = line_at(now_at_usec - GAP_FRESH_USEC + 1);

	assert_false(gap_is_open(&g));
	gap_begin(&g, now_at_usec);
	assert_true(gap_is_open(&g));
	assert_true(gap_take(&g, &inside));
	assert_true(gap_take(&g, &inside));
	assert_false(gap_take(&g, &behind));
	assert_int_equal(g.n_lines, 2);
	assert_int_equal(g.n_bytes, 8);
	gap_end(&g, now_at_usec);
	assert_false(gap_is_open(&g));
	assert_false(is_due(&g, behind.at_usec, now_at_usec + GAP_LATE_USEC));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gap_is_not_due_while_history_is_read),
		cmocka_unit_test(gap_is_due_once_a_live_line_is_late),
		cmocka_unit_test(gap_leaves_time_to_come_from_history_to_the_present),
		cmocka_unit_test(gap_counts_up_to_a_moment_ago),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
