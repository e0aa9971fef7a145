/* SPDX-License-Identifier: MIT */

/*
 * One of our units, as a table.
 *
 * The end of a unit is not when it is inactive but when systemd has unloaded it: that it does only
 * when nobody is left in its cgroup. So "gone" means here what it means for a keeper that is our
 * own child and was swept, and nothing can be started twice. What has ended and stays loaded has
 * processes, and those are killed.
 *
 * A unit that is being restarted is failed for a moment; signals of that moment, read later, look
 * like an end. To kill then would kill the payload that the next keeper is about to take over: so
 * an end is believed only when the manager says it again on being asked.
 */

#include "supervisor/unit-state.h"

struct unit_cell {
	bool moves;
	enum unit_state next;
	unsigned actions;
};

#define TO(state_, actions_)                                                 \
	{                                                                    \
		.moves = true, .next = UNIT_##state_, .actions = (actions_), \
	}

/* clang-format off */
static const struct unit_cell cells[][UNIT_EVENT_COUNT] = {
	[UNIT_STARTING] = {
		[UNIT_EVENT_STARTED] = TO(ALIVE, 0),
		[UNIT_EVENT_REFUSED] = TO(GONE, UNIT_ACTION_TELL_FAILED),
		[UNIT_EVENT_MISSED] = TO(GONE, UNIT_ACTION_TELL_MISSED),
		[UNIT_EVENT_FAILED] = TO(ENDED, UNIT_ACTION_STOP | UNIT_ACTION_ASK |
						UNIT_ACTION_TELL_FAILED),
		[UNIT_EVENT_UNLOADED] = TO(GONE, UNIT_ACTION_TELL_FAILED),
	},
	[UNIT_ALIVE] = {
		[UNIT_EVENT_INACTIVE] = TO(DOUBTED, UNIT_ACTION_ASK),
		[UNIT_EVENT_DEAD] = TO(ENDED, UNIT_ACTION_KILL),
		[UNIT_EVENT_UNLOADED] = TO(GONE, UNIT_ACTION_TELL_GONE),
	},
	[UNIT_DOUBTED] = {
		[UNIT_EVENT_STARTED] = TO(ALIVE, 0),
		[UNIT_EVENT_ACTIVE] = TO(ALIVE, 0),
		[UNIT_EVENT_DEAD] = TO(ENDED, UNIT_ACTION_KILL),
		[UNIT_EVENT_UNLOADED] = TO(GONE, UNIT_ACTION_TELL_GONE),
	},
	[UNIT_ENDED] = {
		[UNIT_EVENT_INACTIVE] = TO(ENDED, UNIT_ACTION_ASK),
		[UNIT_EVENT_DEAD] = TO(ENDED, UNIT_ACTION_KILL),
		[UNIT_EVENT_UNLOADED] = TO(GONE, UNIT_ACTION_TELL_GONE),
	},
	[UNIT_GONE] = {{0}},
};
/* clang-format on */
static_assert(ARRAY_LEN(cells) == UNIT_STATE_COUNT, "a row for each state");

unsigned unit_step(enum unit_state *state, enum unit_event event)
{
	const struct unit_cell *cell = &cells[*state][event];

	if (!cell->moves)
		return 0;
	*state = cell->next;
	return cell->actions;
}

const char *unit_state_name(enum unit_state state)
{
	static const char *const names[] = {
		[UNIT_STARTING] = "starting", [UNIT_ALIVE] = "alive", [UNIT_DOUBTED] = "doubted",
		[UNIT_ENDED] = "ended",       [UNIT_GONE] = "gone",
	};

	static_assert(ARRAY_LEN(names) == UNIT_STATE_COUNT, "a name for each state");
	return names[state];
}
