/* SPDX-License-Identifier: MIT */

/*
 * One instance of a service, as a table.
 *
 * The truth about the payload is the keeper's: it spawns, reaps, backs off and remembers, and its
 * snapshots arrive here as events. What this machine adds is what a keeper cannot know: that the
 * instance has to wait for others, that a probe found it ready or sick, that it shall stop for
 * good, and that the keeper itself is gone. It never assumes the effect of an order: it says LEAVE
 * and stays in STOPPING until the keeper's process has ended, it says RESTART and stays in RENEWING
 * until the keeper reports a new life. So a supervisor that comes back in the middle of anything
 * reads the keepers' greetings as events and is where its predecessor was.
 *
 * A finished oneshot keeps its keeper: that it has succeeded must outlive the supervisor, or the
 * migration would run again.
 *
 * An empty cell is an event that means nothing in that state.
 */

#include "supervisor/slot.h"

struct slot_cell {
	bool moves;
	enum slot_state next;
	enum slot_action action;
};

#define TO(state_, action_)                                                           \
	{                                                                             \
		.moves = true, .next = SLOT_##state_, .action = SLOT_ACTION_##action_ \
	}

/* What a keeper says is taken over from any state in which its payload may exist. That a life is
 * ready counts only while one is starting: while it is being renewed, it is the old one. */
#define KEEPER_ROW                                                                        \
	[SLOT_EVENT_LIFE] = TO(STARTING, NONE), [SLOT_EVENT_BACKOFF] = TO(BACKOFF, NONE), \
	[SLOT_EVENT_DONE] = TO(DONE, NONE), [SLOT_EVENT_FAILED] = TO(FAILED, NONE)

#define ORDER_ROW \
	[SLOT_EVENT_REFUSE] = TO(STOPPING, LEAVE), [SLOT_EVENT_RENEW] = TO(RENEWING, RESTART)

static const struct slot_cell cells[][SLOT_EVENT_COUNT] =
	{
		[SLOT_STOPPED] =
			{
				[SLOT_EVENT_WANT] = TO(WAITING, NONE),
				[SLOT_EVENT_RENEW] = TO(WAITING, NONE),
			},
		[SLOT_WAITING] =
			{
				[SLOT_EVENT_REFUSE] = TO(STOPPED, NONE),
				[SLOT_EVENT_DEPS_READY] = TO(LAUNCHING, LAUNCH),
			},
		[SLOT_LAUNCHING] =
			{
				KEEPER_ROW,
				ORDER_ROW,
				[SLOT_EVENT_READY] = TO(RUNNING, NONE),
				[SLOT_EVENT_IDLE] = TO(LAUNCHING, START),
				[SLOT_EVENT_ENDING] = TO(RENEWING, NONE),
				[SLOT_EVENT_LAUNCH_FAILED] = TO(LOST, RETRY),
				[SLOT_EVENT_GONE] = TO(LOST, RETRY),
			},
		[SLOT_STARTING] =
			{
				KEEPER_ROW,
				ORDER_ROW,
				[SLOT_EVENT_READY] = TO(RUNNING, NONE),
				[SLOT_EVENT_ENDING] = TO(RENEWING, NONE),
				[SLOT_EVENT_PROBE_OK] = TO(RUNNING, TELL_READY),
				[SLOT_EVENT_PROBE_LATE] = TO(RENEWING, FAIL_NOT_READY),
				[SLOT_EVENT_GONE] = TO(LOST, RETRY),
			},
		[SLOT_RUNNING] =
			{
				[SLOT_EVENT_LIFE] = TO(STARTING, NONE),
				[SLOT_EVENT_BACKOFF] = TO(BACKOFF, NONE),
				[SLOT_EVENT_DONE] = TO(DONE, NONE),
				[SLOT_EVENT_FAILED] = TO(FAILED, NONE),
				ORDER_ROW,
				[SLOT_EVENT_ENDING] = TO(RENEWING, NONE),
				[SLOT_EVENT_UNHEALTHY] = TO(RENEWING, FAIL_HEALTH),
				[SLOT_EVENT_GONE] = TO(LOST, RETRY),
			},
		[SLOT_BACKOFF] =
			{
				KEEPER_ROW,
				ORDER_ROW,
				[SLOT_EVENT_WANT] = TO(RENEWING, RESTART),
				[SLOT_EVENT_ENDING] = TO(RENEWING, NONE),
				[SLOT_EVENT_GONE] = TO(LOST, RETRY),
			},
		[SLOT_RENEWING] =
			{
				KEEPER_ROW,
				[SLOT_EVENT_REFUSE] = TO(STOPPING, LEAVE),
				[SLOT_EVENT_IDLE] = TO(LAUNCHING, START),
				[SLOT_EVENT_GONE] = TO(LOST, RETRY),
			},
		[SLOT_STOPPING] =
			{
				[SLOT_EVENT_GONE] = TO(STOPPED, NONE),
			},
		[SLOT_LOST] =
			{
				[SLOT_EVENT_WANT] = TO(WAITING, NONE),
				[SLOT_EVENT_RENEW] = TO(WAITING, NONE),
				[SLOT_EVENT_RETRY] = TO(WAITING, NONE),
				[SLOT_EVENT_REFUSE] = TO(STOPPED, NONE),
			},
		[SLOT_DONE] =
			{
				[SLOT_EVENT_LIFE] = TO(STARTING, NONE),
				[SLOT_EVENT_WANT] = TO(RENEWING, RESTART),
				ORDER_ROW,
			},
		[SLOT_FAILED] =
			{
				[SLOT_EVENT_LIFE] = TO(STARTING, NONE),
				[SLOT_EVENT_WANT] = TO(RENEWING, RESTART),
				ORDER_ROW,
			},
};
static_assert(ARRAY_LEN(cells) == SLOT_STATE_COUNT, "a row for each state");

static const struct {
	const char *name;
	const char *public_name;
	bool holds_payload;
	bool ready;
} states[] = {
	[SLOT_STOPPED] = {"stopped", "stopped", false, false},
	[SLOT_WAITING] = {"waiting", "starting", false, false},
	[SLOT_LAUNCHING] = {"launching", "starting", true, false},
	[SLOT_STARTING] = {"starting", "starting", true, false},
	[SLOT_RUNNING] = {"running", "running", true, true},
	[SLOT_BACKOFF] = {"backoff", "backoff", true, false},
	[SLOT_RENEWING] = {"renewing", "stopping", true, false},
	[SLOT_STOPPING] = {"stopping", "stopping", true, false},
	[SLOT_LOST] = {"lost", "backoff", false, false},
	[SLOT_DONE] = {"done", "done", false, true},
	[SLOT_FAILED] = {"failed", "failed", false, false},
};
static_assert(ARRAY_LEN(states) == SLOT_STATE_COUNT, "a name for each state");

static const char *const event_names[] = {
	[SLOT_EVENT_WANT] = "want",
	[SLOT_EVENT_REFUSE] = "refuse",
	[SLOT_EVENT_RENEW] = "renew",
	[SLOT_EVENT_DEPS_READY] = "deps-ready",
	[SLOT_EVENT_LAUNCH_FAILED] = "launch-failed",
	[SLOT_EVENT_IDLE] = "keeper-idle",
	[SLOT_EVENT_LIFE] = "keeper-life",
	[SLOT_EVENT_READY] = "keeper-ready",
	[SLOT_EVENT_ENDING] = "keeper-ending",
	[SLOT_EVENT_BACKOFF] = "keeper-backoff",
	[SLOT_EVENT_DONE] = "keeper-done",
	[SLOT_EVENT_FAILED] = "keeper-failed",
	[SLOT_EVENT_GONE] = "keeper-gone",
	[SLOT_EVENT_PROBE_OK] = "probe-ok",
	[SLOT_EVENT_PROBE_LATE] = "probe-late",
	[SLOT_EVENT_UNHEALTHY] = "unhealthy",
	[SLOT_EVENT_RETRY] = "retry",
};
static_assert(ARRAY_LEN(event_names) == SLOT_EVENT_COUNT, "a name for each event");

enum slot_action slot_step(enum slot_state *state, enum slot_event event, bool *ret_entered)
{
	const struct slot_cell *cell = &cells[*state][event];

	*ret_entered = cell->moves;
	if (!cell->moves)
		return SLOT_ACTION_NONE;
	*state = cell->next;
	return cell->action;
}

const char *slot_state_public(enum slot_state state)
{
	return states[state].public_name;
}

const char *slot_state_name(enum slot_state state)
{
	return states[state].name;
}

const char *slot_event_name(enum slot_event event)
{
	return event_names[event];
}

bool slot_holds_payload(enum slot_state state)
{
	return states[state].holds_payload;
}

bool slot_is_ready(enum slot_state state)
{
	return states[state].ready;
}
