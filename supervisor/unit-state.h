/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/** enum unit_state - what we know of a unit that we have asked for or found */
enum unit_state {
	UNIT_STARTING, /* asked for; it is not known to have come to life */
	UNIT_ALIVE,    /* it has a keeper, or will have one again */
	UNIT_DOUBTED,  /* said to have ended: the manager is asked, for a restart looks the same */
	UNIT_ENDED,    /* it will not come back; its processes are killed until it is unloaded */
	UNIT_GONE,     /* unloaded, or never made: nothing of it is left */
	UNIT_STATE_COUNT,
};

/** enum unit_event - what is heard of it */
enum unit_event {
	UNIT_EVENT_STARTED,  /* its start job is done, or the manager says that it is active */
	UNIT_EVENT_REFUSED,  /* the manager does not make it */
	UNIT_EVENT_MISSED,   /* nor this time: what it needs had just gone, and will be made */
	UNIT_EVENT_FAILED,   /* its start job failed, or takes too long; it may be there */
	UNIT_EVENT_ACTIVE,   /* active, or on the way to or from there */
	UNIT_EVENT_INACTIVE, /* inactive or failed, says a signal: it may be old news */
	UNIT_EVENT_DEAD,     /* inactive or failed, says the manager when it is asked */
	UNIT_EVENT_UNLOADED, /* the manager does not know it any more */
	UNIT_EVENT_COUNT,
};

/** What is to be done then, in this order. */
enum unit_action {
	UNIT_ACTION_STOP = 1,         /* StopUnit: nothing may bring it back */
	UNIT_ACTION_ASK = 2,          /* ask for its state */
	UNIT_ACTION_KILL = 4,         /* KillUnit: whatever is in its cgroup */
	UNIT_ACTION_TELL_FAILED = 8,  /* it could not be started */
	UNIT_ACTION_TELL_GONE = 16,   /* its keeper has gone, and all that it kept */
	UNIT_ACTION_TELL_MISSED = 32, /* it is to be started again */
};

/**
 * unit_step() - one step of the table
 * @state: updated
 *
 * Return: a set of enum unit_action.
 */
unsigned unit_step(enum unit_state *state, enum unit_event event);

/** unit_state_name() - for debug lines */
const char *unit_state_name(enum unit_state state);
