/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/** enum slot_state - where one instance stands; slot_state_public() has the few that people see */
enum slot_state {
	SLOT_STOPPED,   /* no keeper */
	SLOT_WAITING,   /* wanted, what it comes after is not ready */
	SLOT_LAUNCHING, /* a keeper is there, its payload is not known to run yet */
	SLOT_STARTING,  /* the payload runs and is not ready */
	SLOT_RUNNING,   /* ready */
	SLOT_BACKOFF,   /* the keeper waits before the next start */
	SLOT_RENEWING,  /* the payload goes away in order to come back */
	SLOT_STOPPING,  /* the keeper was told to stop everything and leave */
	SLOT_LOST,      /* the keeper died or could not be started; tried again at a deadline */
	SLOT_DONE,      /* the oneshot succeeded; its keeper remembers it */
	SLOT_FAILED,    /* will not be restarted; its keeper remembers why */
	SLOT_STATE_COUNT,
};

/** enum slot_event - what can happen to an instance */
enum slot_event {
	SLOT_EVENT_WANT,          /* it shall run */
	SLOT_EVENT_REFUSE,        /* it shall not */
	SLOT_EVENT_RENEW,         /* it shall run anew */
	SLOT_EVENT_DEPS_READY,    /* what it comes after is ready */
	SLOT_EVENT_LAUNCH_FAILED, /* no keeper could be started */
	SLOT_EVENT_IDLE,          /* keeper: waits for orders */
	SLOT_EVENT_LIFE,          /* keeper: a new life runs, not ready */
	SLOT_EVENT_READY,         /* keeper: the life that runs is ready */
	SLOT_EVENT_ENDING,        /* keeper: the life is being stopped or swept */
	SLOT_EVENT_BACKOFF,       /* keeper: waits for the next start */
	SLOT_EVENT_DONE,          /* keeper: ended well, for good */
	SLOT_EVENT_FAILED,        /* keeper: ended badly, for good */
	SLOT_EVENT_GONE,          /* the keeper's process has ended */
	SLOT_EVENT_PROBE_OK,      /* our probe found it ready */
	SLOT_EVENT_PROBE_LATE,    /* not ready in time */
	SLOT_EVENT_UNHEALTHY,     /* too many health probes failed */
	SLOT_EVENT_RETRY,         /* the deadline of SLOT_LOST has come */
	SLOT_EVENT_COUNT,
};

/** enum slot_action - what the caller of slot_step() has to do then */
enum slot_action {
	SLOT_ACTION_NONE,
	SLOT_ACTION_LAUNCH,         /* write the spec, start a keeper */
	SLOT_ACTION_START,          /* write the spec, KEEPER_START */
	SLOT_ACTION_RESTART,        /* write the spec, KEEPER_RESTART */
	SLOT_ACTION_LEAVE,          /* KEEPER_LEAVE */
	SLOT_ACTION_TELL_READY,     /* KEEPER_READY: a supervisor that comes back finds it there */
	SLOT_ACTION_FAIL_NOT_READY, /* KEEPER_FAIL with its cause */
	SLOT_ACTION_FAIL_HEALTH,
	SLOT_ACTION_RETRY, /* set the retry deadline */
	SLOT_ACTION_COUNT,
};

/**
 * slot_step() - the state machine
 * @state:     where the instance stands, updated
 * @event:     what happened
 * @ret_entered: whether a state was entered, which SLOT_EVENT_LIFE does from SLOT_STARTING too
 *
 * Context: pure. START, RESTART and LEAVE need a keeper; a caller that has none answers them with
 * SLOT_EVENT_GONE.
 * Return: what to do.
 */
enum slot_action slot_step(enum slot_state *state, enum slot_event event, bool *ret_entered);

/** slot_state_public() - "stopped starting running stopping backoff failed done" */
const char *slot_state_public(enum slot_state state);

/** slot_state_name() - the internal name, for debug lines */
const char *slot_state_name(enum slot_state state);

/** slot_event_name() - for debug lines */
const char *slot_event_name(enum slot_event event);

/** slot_holds_payload() - whether processes of the payload may exist in this state */
bool slot_holds_payload(enum slot_state state);

/** slot_is_ready() - whether what comes after this instance may start */
bool slot_is_ready(enum slot_state state);
