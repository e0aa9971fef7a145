/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "supervisor/keeper/backoff.h"
#include "supervisor/keeper/exit-frame.h"
#include "supervisor/keeper/snapshot-frame.h"

/** How long a sweep may take before what is left is reported; it is tried on. */
#define MACHINE_SWEEP_USEC (10 * USEC_PER_SEC)
/** How long a keeper that leaves waits for the collector. */
#define MACHINE_DRAIN_USEC (5 * USEC_PER_SEC)
/** How long after its own delay a restart may be held, for want of a place in the host's budget. */
#define MACHINE_HOLD_USEC USEC_PER_SEC
/** How long a restart that may be held waits at least: whoever would hold it has the time on a busy
 * machine too, and what nobody holds is bounded by it. */
#define MACHINE_HOLDABLE_USEC (200 * USEC_PER_MSEC)

/** A life that follows one which died within this time is on trial for as long. */
#define MACHINE_TRIAL_USEC (16 * USEC_PER_MSEC)

/** enum machine_state - what the keeper is doing, finer than enum keeper_state */
enum machine_state {
	MACHINE_IDLE,
	MACHINE_RUNNING,
	MACHINE_STOPPING, /* signal sent, until the stop timeout */
	MACHINE_SWEEPING, /* main process gone or given up; everything is being killed */
	MACHINE_BACKOFF,  /* own delay runs */
	MACHINE_HELD,     /* own delay, and then for a place in the budget */
	MACHINE_DONE,
	MACHINE_FAILED,
	MACHINE_DRAINING, /* nothing runs any more, the collector takes the rest */
	MACHINE_LEFT,     /* the keeper exits */
	MACHINE_STATE_COUNT,
};

enum machine_event_kind {
	MACHINE_FOUND, /* before the first start: somebody is in the payload's cgroup */
	MACHINE_START,
	MACHINE_STOP,
	MACHINE_LEAVE,
	MACHINE_RESTART,
	MACHINE_FAIL,     /* the supervisor counts this life as failed: @cause */
	MACHINE_WATCHDOG, /* the payload has not pinged */
	MACHINE_HOLD,     /* there is no place in the budget before @until_usec */
	MACHINE_GONE,     /* the main process is gone, or never came: @cause, @wait_status */
	MACHINE_SWEPT,    /* nothing of the life is left: @uptime_usec, @random */
	MACHINE_DRAINED,
	MACHINE_DEADLINE,
	MACHINE_EVENT_COUNT,
};

/** enum machine_then - what follows when nothing of the life is left */
enum machine_then {
	MACHINE_THEN_RULE, /* restart, or not, by the rule */
	MACHINE_THEN_IDLE,
	MACHINE_THEN_START,
	MACHINE_THEN_LEAVE,
};

/** enum machine_order - what the keeper has to do now, as bits */
enum machine_order {
	MACHINE_ORDER_SIGNAL = 1 << 0, /* stop signal, or SIGABRT when the cause is the watchdog */
	MACHINE_ORDER_SWEEP = 1 << 1,
	MACHINE_ORDER_REPORT = 1 << 2, /* the exit of the last life; before SPAWN */
	MACHINE_ORDER_SPAWN = 1 << 3,
	MACHINE_ORDER_DRAIN = 1 << 4,
	MACHINE_ORDER_CHANGED = 1 << 5, /* tell the subscribers */
};

enum machine_restart {
	MACHINE_RESTART_ALWAYS,
	MACHINE_RESTART_ON_FAILURE,
	MACHINE_RESTART_NEVER,
};

/** struct machine_rule - the part of the spec that decides */
struct machine_rule {
	bool is_oneshot;
	enum machine_restart restart;
	usec_t stop_usec;
	struct backoff_rule backoff;
};

/**
 * struct machine_event - what has happened
 * @cause:          FAIL, GONE
 * @wait_status:    GONE; -1 when unknowable
 * @uptime_usec:    SWEPT: how long the life was
 * @random:         SWEPT: for the jitter
 * @has_subscriber: SWEPT: somebody hears of it, who may say HOLD
 * @until_usec:     HOLD
 */
struct machine_event {
	enum machine_event_kind kind;
	usec_t now_usec;
	enum keeper_cause cause;
	int wait_status;
	usec_t uptime_usec;
	uint32_t random;
	bool has_subscriber;
	usec_t until_usec;
};

/**
 * struct machine - where the keeper stands; starts as all zero: IDLE
 * @deadline_usec: when MACHINE_DEADLINE is due, USEC_INFINITY: never
 * @next_usec:     monotonic time of the restart that is due, 0 for none
 * @cause:         why the last life ended, or the current one is ending
 * @wait_status:   its status, -1 when unknowable
 * @n_failures:    in a row
 * @n_restarts:    starts after the one that was asked for
 * @on_trial:      the next life, or the present one until @deadline_usec, may die at once as well
 * @owes_report:   a keeper that leaves reports last, with what the collector did not get
 */
struct machine {
	enum machine_state state;
	enum machine_then then;
	usec_t deadline_usec;
	usec_t next_usec;
	enum keeper_cause cause;
	int wait_status;
	uint32_t n_failures;
	uint32_t n_restarts;
	bool is_reported;
	bool on_trial;
	bool owes_report;
};

/**
 * machine_step() - take one event
 * @ret_orders: bits of enum machine_order, to be carried out in the order of their values
 *
 * Context: pure.
 * Return: 0; -ESHUTDOWN for a start when the keeper is about to leave.
 */
must_check int machine_step(struct machine *m, const struct machine_rule *rule,
			    const struct machine_event *e, unsigned *ret_orders);

/** machine_public() - the state that others see */
enum keeper_state machine_public(const struct machine *m);

/** machine_on_trial() - whether the life that runs is not worth telling anybody about yet */
bool machine_on_trial(const struct machine *m);

/** machine_succeeded() - whether the last life ended as a program should */
bool machine_succeeded(const struct machine *m);
