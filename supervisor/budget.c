/* SPDX-License-Identifier: MIT */

/*
 * Fifty services that lose their database crash together and come back together, and the forks of
 * that wave can keep a small host from serving anything else. So from its third restart in a row
 * on, a keeper asks here first. The bucket is generous: it is there for the wave, not for the
 * single crash, whose pace is the keeper's own backoff. A keeper that gets no answer goes ahead
 * alone, so the bound holds nothing up when the supervisor is away.
 */

#include "supervisor/budget.h"

#define MILLI 1000

void budget_init(struct budget *b, usec_t now_usec)
{
	b->places_milli = BUDGET_BURST * MILLI;
	b->filled_usec = now_usec;
}

#define USEC_PER_THOUSANDTH (USEC_PER_SEC / (BUDGET_PER_SEC * MILLI))

static void budget_fill(struct budget *b, usec_t now_usec)
{
	uint64_t more = usec_sub(now_usec, b->filled_usec) / USEC_PER_THOUSANDTH;

	b->places_milli = MIN_OF(b->places_milli + more, (uint64_t)BUDGET_BURST * MILLI);
	b->filled_usec += more * USEC_PER_THOUSANDTH; /* what is left over counts next time */
}

bool budget_take(struct budget *b, usec_t now_usec, usec_t *ret_at_usec)
{
	budget_fill(b, now_usec);
	if (b->places_milli >= MILLI) {
		b->places_milli -= MILLI;
		return true;
	}
	*ret_at_usec = b->filled_usec + (MILLI - b->places_milli) * USEC_PER_THOUSANDTH;
	return false;
}
