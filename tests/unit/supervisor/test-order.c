/* SPDX-License-Identifier: MIT */

/*
 * Who may start and stop: db <- app <- web, and a lone cron.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "supervisor/order.h"

enum {
	DB,
	APP,
	WEB,
	CRON,
	N
};

static int setup(void **fixture)
{
	static const struct order_edge edges[] = {{.user = APP, .used = DB},
						  {.user = WEB, .used = APP}};
	static struct order order;

	if (order_build(&order, N, edges, ARRAY_LEN(edges)) < 0)
		return -1;
	for (size_t i = 0; i < N; i++)
		order.nodes[i].wanted = true;
	*fixture = &order;
	return 0;
}

static int teardown(void **fixture)
{
	order_done(*fixture);
	return 0;
}

static void order_without_edges_starts_at_once(void **fixture)
{
	assert_int_equal(order_blocker(*fixture, CRON), CRON);
	assert_int_equal(order_blocker(*fixture, DB), DB);
}

static void order_user_waits_until_what_it_uses_is_ready(void **fixture)
{
	struct order *o = *fixture;

	o->nodes[DB].state = SLOT_STARTING;
	assert_int_equal(order_blocker(o, APP), DB);
	o->nodes[DB].state = SLOT_RUNNING;
	assert_int_equal(order_blocker(o, APP), APP);
}

static void order_finished_oneshot_counts_as_ready(void **fixture)
{
	struct order *o = *fixture;

	o->nodes[DB].state = SLOT_DONE;
	assert_int_equal(order_blocker(o, APP), APP);
	o->nodes[DB].state = SLOT_FAILED;
	assert_int_equal(order_blocker(o, APP), DB);
}

static void order_user_waits_while_what_it_uses_is_being_renewed(void **fixture)
{
	struct order *o = *fixture;

	o->nodes[DB].state = SLOT_RUNNING;
	o->nodes[DB].renewing = true;
	assert_int_equal(order_blocker(o, APP), DB);
}

static void order_stops_users_first(void **fixture)
{
	struct order *o = *fixture;

	for (size_t i = 0; i < N; i++) {
		o->nodes[i].wanted = false;
		o->nodes[i].state = SLOT_RUNNING;
	}
	assert_false(order_may_stop(o, DB));
	assert_false(order_may_stop(o, APP));
	assert_true(order_may_stop(o, WEB));
	o->nodes[WEB].state = SLOT_STOPPED;
	assert_true(order_may_stop(o, APP));
	o->nodes[APP].state = SLOT_STOPPING;
	assert_false(order_may_stop(o, DB));
}

static void order_finished_oneshot_holds_up_what_it_came_after(void **fixture)
{
	struct order *o = *fixture;

	for (size_t i = 0; i < N; i++)
		o->nodes[i].wanted = false;
	o->nodes[DB].state = SLOT_RUNNING;
	o->nodes[APP].state = SLOT_DONE;
	o->nodes[WEB].state = SLOT_RUNNING;
	assert_false(order_may_stop(o, APP));
	assert_false(order_may_stop(o, DB));
	o->nodes[APP].state = SLOT_STOPPED;
	assert_true(order_may_stop(o, DB));
}

static void order_user_that_runs_on_does_not_hold_a_stop_up(void **fixture)
{
	struct order *o = *fixture;

	o->nodes[APP].state = SLOT_RUNNING;
	o->nodes[DB].state = SLOT_RUNNING;
	o->nodes[DB].wanted = false;
	assert_true(order_may_stop(o, DB));
}

static void order_built_again_forgets_the_old_edges(void **fixture)
{
	struct order *o = *fixture;
	struct order_edge edge = {.user = CRON, .used = WEB};

	assert_int_equal(order_build(o, N, &edge, 1), 0);
	assert_int_equal(o->nodes[APP].n_after, 0);
	assert_int_equal(order_blocker(o, CRON), WEB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(order_without_edges_starts_at_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(order_user_waits_until_what_it_uses_is_ready, setup,
						teardown),
		cmocka_unit_test_setup_teardown(order_finished_oneshot_counts_as_ready, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			order_user_waits_while_what_it_uses_is_being_renewed, setup, teardown),
		cmocka_unit_test_setup_teardown(order_stops_users_first, setup, teardown),
		cmocka_unit_test_setup_teardown(order_finished_oneshot_holds_up_what_it_came_after,
						setup, teardown),
		cmocka_unit_test_setup_teardown(order_user_that_runs_on_does_not_hold_a_stop_up,
						setup, teardown),
		cmocka_unit_test_setup_teardown(order_built_again_forgets_the_old_edges, setup,
						teardown),
	};

	return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
