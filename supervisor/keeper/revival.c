/* SPDX-License-Identifier: MIT */

/*
 * The questions after a death: does another keeper come, is this the program that the dead one
 * kept, and where is one to go on?
 *
 * The safe answer to each is the one that kills. A program that is taken for a stranger is started
 * anew, a stranger that is taken for the program would be kept for ever beside a second one.
 */

#include "supervisor/keeper/revival.h"

#include <string.h>

#include "supervisor/keeper/text.h"

/* The unit of times in /proc, on all machines that we run on. */
#define TICK_USEC (USEC_PER_SEC / 100)
/* Exit codes from here on are the manager's own: it could not execute the keeper. */
#define STATUS_OF_MANAGER 200

enum revival_plan revival_plan(enum machine_state state, bool lives)
{
	static const enum revival_plan plans[][2] = {
		[MACHINE_IDLE] = {REVIVAL_REST, REVIVAL_REST},
		[MACHINE_RUNNING] = {REVIVAL_MOURN, REVIVAL_WATCH},
		[MACHINE_STOPPING] = {REVIVAL_MOURN, REVIVAL_WATCH},
		[MACHINE_SWEEPING] = {REVIVAL_SWEEP, REVIVAL_SWEEP},
		[MACHINE_BACKOFF] = {REVIVAL_REST, REVIVAL_REST},
		[MACHINE_HELD] = {REVIVAL_REST, REVIVAL_REST},
		[MACHINE_DONE] = {REVIVAL_REST, REVIVAL_REST},
		[MACHINE_FAILED] = {REVIVAL_REST, REVIVAL_REST},
		[MACHINE_DRAINING] = {REVIVAL_DRAIN, REVIVAL_DRAIN},
		[MACHINE_LEFT] = {REVIVAL_BEGIN, REVIVAL_BEGIN},
	};

	static_assert(ARRAY_LEN(plans) == MACHINE_STATE_COUNT, "a plan for each state");
	return (size_t)state < ARRAY_LEN(plans) ? plans[state][lives] : REVIVAL_BEGIN;
}

bool revival_is_same(uint64_t start, usec_t from_usec, usec_t until_usec)
{
	return start >= from_usec / TICK_USEC && start <= until_usec / TICK_USEC;
}

void revival_window(uint64_t start, usec_t *ret_from_usec, usec_t *ret_until_usec)
{
	*ret_from_usec = start * TICK_USEC;
	*ret_until_usec = *ret_from_usec;
}

bool revival_follows(const char *result, const char *status, bool is_marked)
{
	static const char *const crashes[] = {"signal", "core-dump", "watchdog"};
	uint64_t number;

	if (is_marked || !result)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(crashes); i++) {
		if (strcmp(result, crashes[i]) == 0)
			return true;
	}
	return strcmp(result, "exit-code") == 0 && status &&
	       text_number(status, UINT8_MAX, &number) == 0 && number >= STATUS_OF_MANAGER;
}
