/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/** Restarts that may happen at once when nothing was restarted for a while. */
#define BUDGET_BURST 64
/** Restarts a second once the burst is used up. */
#define BUDGET_PER_SEC 200

/**
 * struct budget - the host's bound on restarts: a bucket of places that fills with time
 * @places:      left, in thousandths
 * @filled_usec: monotonic time up to which it was filled
 */
struct budget {
	uint64_t places_milli;
	usec_t filled_usec;
};

/** budget_init() - begin with a full bucket */
void budget_init(struct budget *b, usec_t now_usec);

/**
 * budget_take() - ask for one place
 * @now_usec:     monotonic
 * @ret_at_usec:  when to ask again; set when false is returned
 *
 * Context: pure.
 * Return: whether the place was granted.
 */
bool budget_take(struct budget *b, usec_t now_usec, usec_t *ret_at_usec);
