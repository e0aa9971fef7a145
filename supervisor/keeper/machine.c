/* SPDX-License-Identifier: MIT */

/*
 * The keeper's mind: state x event -> what to do, without a process, a clock or a descriptor, so
 * that every combination is a unit test.
 *
 * One invariant carries the promise that nothing is left behind: there is no way from a life to the
 * next one but through SWEEPING, and none out of SWEEPING but by MACHINE_SWEPT (or by leaving, when
 * the kernel does not let go of a process and nothing will be spawned any more). What shall follow
 * is kept in @then, not in more states: a start that comes while stopping, or a stop that comes
 * while sweeping, changes only that, and the last word of the operator counts. Leaving is final.
 *
 * A program in a crash loop mostly dies as soon as it is there, and to tell others that it runs
 * costs more than to run it. So a life that follows such a death is on trial: others hear of it
 * when it has lived for MACHINE_TRIAL_USEC, or of its end with everything else about it.
 *
 * An empty cell means that the event says nothing in this state.
 */

#include "supervisor/keeper/machine.h"

#include <sys/wait.h>

/* What an act works on: an event, the rule, and the orders that come out. */
struct step {
	const struct machine_rule *rule;
	const struct machine_event *event;
	unsigned orders;
};

typedef int act_fn(struct machine *m, struct step *s);

/* The one place that changes the state; drops what only some states may own. */
static void machine_set_state(struct machine *m, struct step *s, enum machine_state state)
{
	m->state = state;
	m->deadline_usec = USEC_INFINITY;
	if (state != MACHINE_BACKOFF && state != MACHINE_HELD)
		m->next_usec = 0;
	s->orders |= MACHINE_ORDER_CHANGED;
}

static void begin_life(struct machine *m, struct step *s)
{
	machine_set_state(m, s, MACHINE_RUNNING);
	if (m->on_trial)
		m->deadline_usec = usec_add(s->event->now_usec, MACHINE_TRIAL_USEC);
	m->then = MACHINE_THEN_RULE;
	m->is_reported = false;
	s->orders |= MACHINE_ORDER_SPAWN;
}

static void begin_stop(struct machine *m, struct step *s, enum machine_then then)
{
	machine_set_state(m, s, MACHINE_STOPPING);
	m->deadline_usec = usec_add(s->event->now_usec, s->rule->stop_usec);
	m->then = then;
	m->wait_status = -1;
	s->orders |= MACHINE_ORDER_SIGNAL;
}

static void begin_sweep(struct machine *m, struct step *s)
{
	machine_set_state(m, s, MACHINE_SWEEPING);
	m->deadline_usec = usec_add(s->event->now_usec, MACHINE_SWEEP_USEC);
	s->orders |= MACHINE_ORDER_SWEEP;
}

static void begin_drain(struct machine *m, struct step *s)
{
	machine_set_state(m, s, MACHINE_DRAINING);
	m->deadline_usec = usec_add(s->event->now_usec, MACHINE_DRAIN_USEC);
	s->orders |= MACHINE_ORDER_DRAIN;
}

/* Left by nobody that we know of: there is nothing to report about it. */
static int act_found(struct machine *m, struct step *s)
{
	m->then = MACHINE_THEN_IDLE;
	m->is_reported = true;
	begin_sweep(m, s);
	return 0;
}

/* START and RESTART by somebody who wants it now. */
static int act_launch(struct machine *m, struct step *s)
{
	m->n_failures = 0;
	m->n_restarts = 0;
	m->on_trial = false;
	begin_life(m, s);
	return 0;
}

static int act_refuse(struct machine *m, struct step *s)
{
	return -ESHUTDOWN;
}

static int act_rest(struct machine *m, struct step *s)
{
	machine_set_state(m, s, MACHINE_IDLE);
	return 0;
}

static int act_drain(struct machine *m, struct step *s)
{
	begin_drain(m, s);
	return 0;
}

static int act_stop(struct machine *m, struct step *s)
{
	m->cause = KEEPER_CAUSE_STOP;
	begin_stop(m, s, MACHINE_THEN_IDLE);
	return 0;
}

static int act_stop_and_leave(struct machine *m, struct step *s)
{
	m->cause = KEEPER_CAUSE_STOP;
	begin_stop(m, s, MACHINE_THEN_LEAVE);
	return 0;
}

static int act_stop_and_start(struct machine *m, struct step *s)
{
	m->cause = KEEPER_CAUSE_STOP;
	begin_stop(m, s, MACHINE_THEN_START);
	return 0;
}

static int act_fail(struct machine *m, struct step *s)
{
	m->cause = s->event->cause;
	begin_stop(m, s, MACHINE_THEN_RULE);
	return 0;
}

static int act_watchdog(struct machine *m, struct step *s)
{
	m->cause = KEEPER_CAUSE_WATCHDOG;
	begin_stop(m, s, MACHINE_THEN_RULE);
	return 0;
}

/* It lives longer than the one before. */
static int act_acquit(struct machine *m, struct step *s)
{
	m->on_trial = false;
	m->deadline_usec = USEC_INFINITY;
	s->orders |= MACHINE_ORDER_CHANGED;
	return 0;
}

/* A word that comes while the life is ending changes what follows it. */
static int act_then_idle(struct machine *m, struct step *s)
{
	if (m->then != MACHINE_THEN_LEAVE)
		m->then = MACHINE_THEN_IDLE;
	return 0;
}

static int act_then_start(struct machine *m, struct step *s)
{
	if (m->then == MACHINE_THEN_LEAVE)
		return -ESHUTDOWN;
	m->then = MACHINE_THEN_START;
	return 0;
}

static int act_then_leave(struct machine *m, struct step *s)
{
	m->then = MACHINE_THEN_LEAVE;
	return 0;
}

static int act_crashed(struct machine *m, struct step *s)
{
	m->cause = s->event->cause;
	m->wait_status = s->event->wait_status;
	begin_sweep(m, s);
	return 0;
}

static int act_stopped(struct machine *m, struct step *s)
{
	m->wait_status = s->event->wait_status;
	begin_sweep(m, s);
	return 0;
}

/* The stop timeout: the main process is killed with its tree, and its end comes while sweeping. */
static int act_late(struct machine *m, struct step *s)
{
	if (m->cause == KEEPER_CAUSE_STOP)
		m->cause = KEEPER_CAUSE_STOP_TIMEOUT;
	begin_sweep(m, s);
	return 0;
}

/* The end of a main process that was killed with its tree, or a status that nobody expected any
 * more. */
static int act_note_status(struct machine *m, struct step *s)
{
	if (m->cause == KEEPER_CAUSE_EXIT && m->wait_status == -1)
		m->cause = s->event->cause;
	m->wait_status = s->event->wait_status;
	return 0;
}

static void report(struct machine *m, struct step *s)
{
	if (!m->is_reported)
		s->orders |= MACHINE_ORDER_REPORT;
	m->is_reported = true;
}

static void report_and_drain(struct machine *m, struct step *s)
{
	m->owes_report = !m->is_reported;
	begin_drain(m, s);
}

/* Something does not die: say so, and go on trying, because nothing may be spawned beside it. */
static int act_stuck(struct machine *m, struct step *s)
{
	m->deadline_usec = USEC_INFINITY;
	if (m->then == MACHINE_THEN_LEAVE)
		report_and_drain(m, s);
	else
		report(m, s);
	return 0;
}

bool machine_on_trial(const struct machine *m)
{
	return m->state == MACHINE_RUNNING && m->on_trial;
}

bool machine_succeeded(const struct machine *m)
{
	return m->cause == KEEPER_CAUSE_EXIT && m->wait_status != -1 && WIFEXITED(m->wait_status) &&
	       WEXITSTATUS(m->wait_status) == 0;
}

static void restart_by_rule(struct machine *m, struct step *s)
{
	struct backoff_life life = {
		.uptime_usec = s->event->uptime_usec,
		.never_ran = m->cause == KEEPER_CAUSE_EXEC_FAILED,
		.random = s->event->random,
	};
	usec_t delay;

	if (backoff_next(&m->n_failures, &s->rule->backoff, &life, &delay) == BACKOFF_GIVE_UP) {
		machine_set_state(m, s, MACHINE_FAILED);
		return;
	}
	if (delay > 0 && s->event->has_subscriber && m->n_failures >= KEEPER_BUDGET_FROM)
		delay = MAX_OF(delay, MACHINE_HOLDABLE_USEC);
	m->on_trial = m->n_failures > 1 && life.uptime_usec < MACHINE_TRIAL_USEC;
	if (delay == 0) {
		m->n_restarts++;
		begin_life(m, s);
		return;
	}
	machine_set_state(m, s, MACHINE_BACKOFF);
	m->next_usec = usec_add(s->event->now_usec, delay);
	m->deadline_usec = m->next_usec;
}

static void end_by_rule(struct machine *m, struct step *s)
{
	bool is_done = machine_succeeded(m);
	bool is_final;

	if (is_done)
		is_final = s->rule->is_oneshot || s->rule->restart != MACHINE_RESTART_ALWAYS;
	else if (s->rule->is_oneshot)
		is_final = s->rule->restart != MACHINE_RESTART_ON_FAILURE;
	else
		is_final = s->rule->restart == MACHINE_RESTART_NEVER;
	if (is_final)
		machine_set_state(m, s, is_done ? MACHINE_DONE : MACHINE_FAILED);
	else
		restart_by_rule(m, s);
}

static int act_swept(struct machine *m, struct step *s)
{
	if (m->then == MACHINE_THEN_LEAVE) {
		report_and_drain(m, s);
		return 0;
	}
	report(m, s);
	switch (m->then) {
	case MACHINE_THEN_IDLE:
		machine_set_state(m, s, MACHINE_IDLE);
		break;
	case MACHINE_THEN_START:
		return act_launch(m, s);
	case MACHINE_THEN_RULE:
	case MACHINE_THEN_LEAVE:
	default:
		end_by_rule(m, s);
	}
	return 0;
}

static int act_restart_due(struct machine *m, struct step *s)
{
	m->n_restarts++;
	begin_life(m, s);
	return 0;
}

static int act_hold(struct machine *m, struct step *s)
{
	usec_t latest = usec_add(m->next_usec, MACHINE_HOLD_USEC);
	usec_t until = MIN_OF(s->event->until_usec, latest);

	if (until <= m->deadline_usec)
		return 0;
	machine_set_state(m, s, MACHINE_HELD);
	m->deadline_usec = until;
	s->orders = 0; /* the same to others */
	return 0;
}

static int act_left(struct machine *m, struct step *s)
{
	machine_set_state(m, s, MACHINE_LEFT);
	if (m->owes_report)
		report(m, s);
	m->owes_report = false;
	return 0;
}

/* clang-format off */
static act_fn *const table[][MACHINE_EVENT_COUNT] = {
	[MACHINE_IDLE] = {
		[MACHINE_FOUND] = act_found,
		[MACHINE_START] = act_launch,
		[MACHINE_RESTART] = act_launch,
		[MACHINE_LEAVE] = act_drain,
	},
	[MACHINE_RUNNING] = {
		[MACHINE_STOP] = act_stop,
		[MACHINE_LEAVE] = act_stop_and_leave,
		[MACHINE_RESTART] = act_stop_and_start,
		[MACHINE_FAIL] = act_fail,
		[MACHINE_WATCHDOG] = act_watchdog,
		[MACHINE_GONE] = act_crashed,
		[MACHINE_DEADLINE] = act_acquit,
	},
	[MACHINE_STOPPING] = {
		[MACHINE_START] = act_then_start,
		[MACHINE_RESTART] = act_then_start,
		[MACHINE_STOP] = act_then_idle,
		[MACHINE_LEAVE] = act_then_leave,
		[MACHINE_GONE] = act_stopped,
		[MACHINE_DEADLINE] = act_late,
	},
	[MACHINE_SWEEPING] = {
		[MACHINE_START] = act_then_start,
		[MACHINE_RESTART] = act_then_start,
		[MACHINE_STOP] = act_then_idle,
		[MACHINE_LEAVE] = act_then_leave,
		[MACHINE_GONE] = act_note_status,
		[MACHINE_SWEPT] = act_swept,
		[MACHINE_DEADLINE] = act_stuck,
	},
	[MACHINE_BACKOFF] = {
		[MACHINE_START] = act_launch,
		[MACHINE_RESTART] = act_launch,
		[MACHINE_STOP] = act_rest,
		[MACHINE_LEAVE] = act_drain,
		[MACHINE_HOLD] = act_hold,
		[MACHINE_DEADLINE] = act_restart_due,
	},
	[MACHINE_HELD] = {
		[MACHINE_START] = act_launch,
		[MACHINE_RESTART] = act_launch,
		[MACHINE_STOP] = act_rest,
		[MACHINE_LEAVE] = act_drain,
		[MACHINE_HOLD] = act_hold,
		[MACHINE_DEADLINE] = act_restart_due,
	},
	[MACHINE_DONE] = {
		[MACHINE_START] = act_launch,
		[MACHINE_RESTART] = act_launch,
		[MACHINE_STOP] = act_rest,
		[MACHINE_LEAVE] = act_drain,
	},
	[MACHINE_FAILED] = {
		[MACHINE_START] = act_launch,
		[MACHINE_RESTART] = act_launch,
		[MACHINE_STOP] = act_rest,
		[MACHINE_LEAVE] = act_drain,
	},
	[MACHINE_DRAINING] = {
		[MACHINE_START] = act_refuse,
		[MACHINE_RESTART] = act_refuse,
		[MACHINE_DRAINED] = act_left,
		[MACHINE_DEADLINE] = act_left,
	},
	[MACHINE_LEFT] = {
		[MACHINE_START] = act_refuse,
		[MACHINE_RESTART] = act_refuse,
	},
};
/* clang-format on */
static_assert(ARRAY_LEN(table) == MACHINE_STATE_COUNT, "a row for each state");

int machine_step(struct machine *m, const struct machine_rule *rule, const struct machine_event *e,
		 unsigned *ret_orders)
{
	struct step s = {.rule = rule, .event = e};
	act_fn *act = table[m->state][e->kind];
	int r = act ? act(m, &s) : 0;

	if (r == 0)
		*ret_orders = s.orders;
	return r;
}

enum keeper_state machine_public(const struct machine *m)
{
	static const enum keeper_state names[] = {
		[MACHINE_IDLE] = KEEPER_IDLE,         [MACHINE_RUNNING] = KEEPER_RUNNING,
		[MACHINE_STOPPING] = KEEPER_STOPPING, [MACHINE_SWEEPING] = KEEPER_SWEEPING,
		[MACHINE_BACKOFF] = KEEPER_BACKOFF,   [MACHINE_HELD] = KEEPER_BACKOFF,
		[MACHINE_DONE] = KEEPER_DONE,         [MACHINE_FAILED] = KEEPER_FAILED,
		[MACHINE_DRAINING] = KEEPER_IDLE,     [MACHINE_LEFT] = KEEPER_IDLE,
	};

	static_assert(ARRAY_LEN(names) == MACHINE_STATE_COUNT, "a name for each state");
	if (m->state == MACHINE_DRAINING && m->owes_report)
		return KEEPER_STOPPING;
	return names[m->state];
}
