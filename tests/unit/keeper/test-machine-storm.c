/* SPDX-License-Identifier: MIT */

/*
 * The machine against a simulated kernel: events in any order, as a person, a supervisor and a
 * payload may make them, a million of them. What must always hold is checked after each.
 */

#include "supervisor/keeper/machine.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define N_EVENTS 1000000

/* What there would be: a main process, and others of its tree. */
struct world {
	struct machine machine;
	struct machine_rule rule;
	usec_t now_usec;
	uint64_t random;
	bool has_main;
	bool has_others;
	bool is_signalled;
	bool owes_report; /* a life has begun whose end was not reported */
	uint64_t n_lives;
};

static uint32_t roll(struct world *w)
{
	w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(w->random >> 32);
}

static void obey(struct world *w, unsigned orders)
{
	if (orders & MACHINE_ORDER_SIGNAL) {
		assert_true(w->has_main);
		assert_false(w->is_signalled);
		w->is_signalled = true;
	}
	if (orders & MACHINE_ORDER_REPORT) {
		assert_true(w->owes_report);
		w->owes_report = false;
	}
	if (orders & MACHINE_ORDER_SPAWN) {
		/* The promise: nothing of the last life is left, and its end has been told. */
		assert_false(w->has_main);
		assert_false(w->has_others);
		assert_false(w->owes_report);
		w->has_main = true;
		w->has_others = roll(w) % 2 == 0;
		w->is_signalled = false;
		w->owes_report = true;
		w->n_lives++;
	}
}

static void check(const struct world *w)
{
	const struct machine *m = &w->machine;

	assert_true(m->state < MACHINE_STATE_COUNT);
	if (m->state == MACHINE_RUNNING || m->state == MACHINE_STOPPING)
		assert_true(w->has_main);
	if (m->state == MACHINE_IDLE || m->state == MACHINE_DONE || m->state == MACHINE_FAILED ||
	    m->state == MACHINE_BACKOFF || m->state == MACHINE_HELD) {
		assert_false(w->has_main || w->has_others);
		assert_false(w->owes_report);
	}
	/* Nothing waits for ever: a state that ends by itself has a deadline, or an event of the
	 * tree. */
	if (m->state == MACHINE_STOPPING || m->state == MACHINE_BACKOFF ||
	    m->state == MACHINE_HELD || m->state == MACHINE_DRAINING)
		assert_true(m->deadline_usec != USEC_INFINITY);
	assert_int_equal(m->state == MACHINE_BACKOFF || m->state == MACHINE_HELD,
			 m->next_usec != 0);
	if (m->state == MACHINE_HELD)
		assert_true(m->deadline_usec <= m->next_usec + MACHINE_HOLD_USEC);
}

static void feed(struct world *w, enum machine_event_kind kind)
{
	struct machine_event e = {
		.kind = kind,
		.now_usec = w->now_usec,
		.cause = kind == MACHINE_FAIL ? KEEPER_CAUSE_HEALTH : KEEPER_CAUSE_EXIT,
		.wait_status = roll(w) % 4 == 0 ? 0 : 256,
		.uptime_usec = roll(w) % 8 == 0 ? 20 * USEC_PER_SEC : 5,
		.random = roll(w),
		.until_usec = w->now_usec + roll(w) % (4 * USEC_PER_SEC),
	};
	unsigned orders = 0;

	if (machine_step(&w->machine, &w->rule, &e, &orders) == 0)
		obey(w, orders);
	else
		assert_int_equal(orders, 0);
	check(w);
}

/* What the kernel may do next. */
static void play_kernel(struct world *w)
{
	switch (roll(w) % 4) {
	case 0:
		if (w->has_main) {
			w->has_main = false;
			feed(w, MACHINE_GONE);
		}
		break;
	case 1:
		if (w->machine.state == MACHINE_SWEEPING && !w->has_main) {
			w->has_others = false;
			feed(w, MACHINE_SWEPT);
		}
		break;
	case 2:
		if (w->machine.deadline_usec != USEC_INFINITY) {
			w->now_usec = MAX_OF(w->now_usec, w->machine.deadline_usec);
			feed(w, MACHINE_DEADLINE);
		}
		break;
	default:
		if (w->machine.state == MACHINE_DRAINING)
			feed(w, MACHINE_DRAINED);
	}
}

static void play_people(struct world *w)
{
	static const enum machine_event_kind words[] = {
		MACHINE_START, MACHINE_STOP,     MACHINE_RESTART, MACHINE_FAIL,
		MACHINE_HOLD,  MACHINE_WATCHDOG, MACHINE_START,   MACHINE_START,
	};

	feed(w, words[roll(w) % ARRAY_LEN(words)]);
}

static void change_rule(struct world *w)
{
	w->rule = (struct machine_rule){
		.is_oneshot = roll(w) % 8 == 0,
		.restart = (enum machine_restart)(roll(w) % 8 < 6 ? 0 : roll(w) % 3),
		.stop_usec = roll(w) % USEC_PER_SEC,
		.backoff = {.immediate = roll(w) % 3,
			    .max_restarts = roll(w) % 4 == 0 ? roll(w) % 5 : 0,
			    .healthy_usec = 10 * USEC_PER_SEC,
			    .delay_usec = roll(w) % USEC_PER_SEC,
			    .max_delay_usec = USEC_PER_MINUTE},
	};
}

static void nothing_is_ever_spawned_beside_what_is_left(void **state)
{
	struct world w = {.machine.deadline_usec = USEC_INFINITY, .random = 1};

	change_rule(&w);
	for (int i = 0; i < N_EVENTS; i++) {
		w.now_usec += roll(&w) % USEC_PER_SEC;
		if (roll(&w) % 4 == 0)
			play_people(&w);
		else
			play_kernel(&w);
		if (roll(&w) % 64 == 0)
			change_rule(&w);
		if (roll(&w) % 4096 == 0)
			feed(&w, MACHINE_LEAVE);
		if (w.machine.state == MACHINE_LEFT) {
			assert_false(w.owes_report && !w.has_main && !w.has_others);
			w.machine = (struct machine){.deadline_usec = USEC_INFINITY};
			w.has_main = w.has_others = w.owes_report = false;
		}
	}
	assert_true(w.n_lives > N_EVENTS / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_ever_spawned_beside_what_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
