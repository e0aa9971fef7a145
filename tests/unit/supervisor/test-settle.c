/* SPDX-License-Identifier: MIT */

/*
 * Five hundred services against a simulated world: the real settle(), the real order and the real
 * machine of each instance, and keepers that answer when chance lets them. Whatever the sequence,
 * nobody is launched before what it comes after is ready, nobody is told to stop before what comes
 * after it has, and the collector goes last.
 */

#include "supervisor/settle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "supervisor/apply.h"
#include "supervisor/manager.h"

#define N 500
#define COLLECTOR 0
#define FIRST 1
/** Of the whole tree, so that a world that stands still is a failure and not a hang. */
#define TURNS_MAX 2000

/**
 * struct world - all services and what their keepers have still to answer
 * @due:        the last action of each that its keeper has not answered
 * @n_launched: keepers started
 * @chance:     state of a small generator; the same in each run
 */
struct world {
	struct manager m;
	struct service services[N];
	struct service *list[N];
	struct config_process processes[N];
	char names[N][8];
	enum slot_action due[N];
	unsigned n_launched;
	uint32_t chance;
};

static struct world world;

static size_t index_of(const struct service *s)
{
	return (size_t)(s - world.services);
}

static bool is_lucky(void)
{
	world.chance = world.chance * 1664525 + 1013904223;
	return world.chance >> 30 == 0;
}

static void check_launch(size_t i)
{
	const struct order_node *node = &world.m.order.nodes[i];

	for (size_t k = 0; k < node->n_after; k++)
		assert_true(slot_is_ready(world.services[node->after[k]].state));
	world.n_launched++;
}

static void check_leave(size_t i)
{
	const struct order_node *node = &world.m.order.nodes[i];

	for (size_t k = 0; world.m.stopping && k < node->n_users; k++)
		assert_int_equal(world.services[node->users[k]].state, SLOT_STOPPED);
	for (size_t k = FIRST; i == COLLECTOR && k < N; k++)
		assert_int_equal(world.services[k].state, SLOT_STOPPED);
}

static void feed(struct service *s, enum slot_event event)
{
	size_t i = index_of(s);
	bool entered;
	enum slot_action action = slot_step(&s->state, event, &entered);

	if (!entered)
		return;
	world.due[i] = action;
	if (action == SLOT_ACTION_LAUNCH)
		check_launch(i);
	if (action == SLOT_ACTION_LEAVE)
		check_leave(i);
}

/* --- what settle() calls ------------------------------------------------------------------- */

void service_order(struct service *s, enum slot_event order)
{
	feed(s, order);
}

void service_deps_ready(struct service *s)
{
	feed(s, SLOT_EVENT_DEPS_READY);
}

void service_say(struct service *s, const char *fmt, ...)
{
}

void service_free(struct service *s)
{
	fail();
}

void manager_take_services(struct manager *m, struct service **services, size_t n_services)
{
	fail();
}

int manager_relate(struct manager *m)
{
	return 0;
}

bool manager_sweep(struct manager *m)
{
	return true;
}

void manager_greeted(struct manager *m)
{
}

void apply_catch_up(struct manager *m)
{
}

/* --- the world ----------------------------------------------------------------------------- */

/* A service comes after that at a third of its number, and some after a second one. */
static int build_order(void)
{
	struct order_edge edges[2 * N];
	size_t n = 0;

	for (size_t i = FIRST + 3; i < N; i++) {
		edges[n++] = (struct order_edge){.user = i, .used = FIRST + (i - FIRST) / 3};
		if (i % 7 == 0)
			edges[n++] = (struct order_edge){.user = i, .used = i - 2};
	}
	return order_build(&world.m.order, N, edges, n);
}

static int setup(void **fixture unused)
{
	world = (struct world){.chance = 500};
	for (size_t i = 0; i < N; i++) {
		struct service *s = &world.services[i];

		snprintf(world.names[i], sizeof(world.names[i]), "s%u", (unsigned)i);
		world.processes[i].name = world.names[i];
		s->process = &world.processes[i];
		s->wanted = true;
		s->system = i == COLLECTOR;
		world.list[i] = s;
	}
	world.m.services = world.list;
	world.m.n_services = N;
	return build_order();
}

static int teardown(void **fixture unused)
{
	order_done(&world.m.order);
	return 0;
}

/* What the keeper does about the last action, or the probe about a life that has begun. */
static void answer(struct service *s)
{
	enum slot_action action = world.due[index_of(s)];

	if (s->state == SLOT_STARTING) {
		feed(s, SLOT_EVENT_PROBE_OK);
	} else if (s->state == SLOT_LAUNCHING && action == SLOT_ACTION_LAUNCH) {
		feed(s, SLOT_EVENT_LIFE);
	} else if (s->state == SLOT_RENEWING && action == SLOT_ACTION_RESTART) {
		feed(s, SLOT_EVENT_LIFE);
	} else if (s->state == SLOT_STOPPING) {
		feed(s, SLOT_EVENT_GONE);
	} else if (s->state == SLOT_LOST) {
		feed(s, SLOT_EVENT_RETRY);
	}
}

static size_t count(enum slot_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < N; i++)
		n += world.services[i].state == state;
	return n;
}

/* Turns of the loop, in each of which a quarter of the keepers answers, until all are there. */
static void play_until(enum slot_state state)
{
	for (int turn = 0; count(state) < N; turn++) {
		assert_true(turn < TURNS_MAX);
		while (settle(&world.m))
			;
		for (size_t i = 0; i < N; i++)
			if (is_lucky())
				answer(&world.services[i]);
	}
	while (settle(&world.m))
		;
	assert_int_equal(count(state), N);
}

static void settle_starts_five_hundred_in_order_and_each_once(void **fixture unused)
{
	play_until(SLOT_RUNNING);
	assert_int_equal(world.n_launched, N);
}

static void settle_starts_no_more_than_its_bound_in_one_turn(void **fixture unused)
{
	for (size_t i = 0; i < N; i++)
		world.services[i].state = SLOT_RUNNING;
	for (size_t i = N - 2 * SETTLE_STARTS_MAX; i < N; i++)
		world.services[i].state = SLOT_WAITING;
	assert_true(settle(&world.m));
	assert_int_equal(world.n_launched, SETTLE_STARTS_MAX);
}

static void settle_leaves_crashes_to_their_keepers(void **fixture unused)
{
	play_until(SLOT_RUNNING);
	for (size_t i = 0; i < N; i += 5)
		feed(&world.services[i], SLOT_EVENT_BACKOFF);
	assert_false(settle(&world.m));
	assert_int_equal(count(SLOT_BACKOFF), N / 5);
	assert_int_equal(count(SLOT_RUNNING), N - N / 5);
	for (size_t i = 0; i < N; i += 5)
		feed(&world.services[i], SLOT_EVENT_LIFE);
	play_until(SLOT_RUNNING);
	assert_int_equal(world.n_launched, N);
}

static void settle_gives_new_keepers_to_those_that_lost_theirs(void **fixture unused)
{
	play_until(SLOT_RUNNING);
	for (size_t i = 0; i < N; i += 5)
		feed(&world.services[i], SLOT_EVENT_GONE);
	play_until(SLOT_RUNNING);
	assert_int_equal(world.n_launched, N + N / 5);
}

static void settle_stops_five_hundred_in_order_and_the_collector_last(void **fixture unused)
{
	play_until(SLOT_RUNNING);
	world.m.stopping = true;
	play_until(SLOT_STOPPED);
	assert_int_equal(world.n_launched, N);
}

static void settle_stops_in_the_middle_of_the_start_and_of_crashes(void **fixture unused)
{
	for (int turn = 0; turn < 12; turn++) {
		while (settle(&world.m))
			;
		for (size_t i = 0; i < N; i++)
			if (is_lucky())
				answer(&world.services[i]);
	}
	for (size_t i = 0; i < N; i += 3)
		feed(&world.services[i], SLOT_EVENT_BACKOFF);
	for (size_t i = 1; i < N; i += 6)
		feed(&world.services[i], SLOT_EVENT_GONE);
	assert_true(count(SLOT_RUNNING) > 0 && count(SLOT_RUNNING) < N);
	world.m.stopping = true;
	play_until(SLOT_STOPPED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(settle_starts_five_hundred_in_order_and_each_once),
		TEST(settle_starts_no_more_than_its_bound_in_one_turn),
		TEST(settle_leaves_crashes_to_their_keepers),
		TEST(settle_gives_new_keepers_to_those_that_lost_theirs),
		TEST(settle_stops_five_hundred_in_order_and_the_collector_last),
		TEST(settle_stops_in_the_middle_of_the_start_and_of_crashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
