/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/** Restarts that may happen at once when nothing was restarted for a while. */
#define BUDGET_BURST 128
/** Restarts a second once the burst is used up. */
#define BUDGET_PER_SEC 200
/** How long after its own time a restart waits for a place; then it goes ahead without one. */
#define BUDGET_WAIT_USEC USEC_PER_SEC

/**
 * struct budget - the host's bound on restarts; starts as all zero
 * @full_usec: monotonic time at which all places that were given out will be there again
 */
struct budget {
	usec_t full_usec;
};

/**
 * budget_take() - give out a place, if one comes in time
 * @now_usec: monotonic; never goes backwards between calls
 * @due_usec: when the restart is due by itself
 *
 * Context: pure.
 * Return: when it may happen: @due_usec, or the later time at which there is a place, but at most
 * BUDGET_WAIT_USEC later.
 */
usec_t budget_take(struct budget *b, usec_t now_usec, usec_t due_usec);
