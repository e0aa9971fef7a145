/* SPDX-License-Identifier: MIT */

/*
 * Fifty services that lose their database crash together and come back together, and the forks of
 * that wave can keep a small host from serving anything else. So from its third restart in a row
 * on, a service takes a place here. The budget is generous: it is there for the wave, not for the
 * single crash, whose pace is the keeper's own backoff.
 *
 * A place is taken when the crash is heard of, in the order of the crashes. Taken for the time of
 * the restart, places would have to be kept for any time to come, for one service is back in a
 * tenth of a second and the next one in a minute. The wave is as wide when it comes back as when
 * its places were taken: the delays of backoff spread it further.
 *
 * Mostly the place is there before the restart is due, and then nobody needs to be told anything:
 * silence is consent. A keeper whose supervisor is away comes back at its own time.
 */

#include "supervisor/budget.h"

#define PLACE_USEC (USEC_PER_SEC / BUDGET_PER_SEC)

usec_t budget_take(struct budget *b, usec_t now_usec, usec_t due_usec)
{
	usec_t full = MAX_OF(b->full_usec, now_usec);
	usec_t at = usec_sub(full, (BUDGET_BURST - 1) * PLACE_USEC);
	usec_t latest = usec_add(due_usec, BUDGET_WAIT_USEC);

	if (at > latest)
		return latest;
	b->full_usec = full + PLACE_USEC;
	return MAX_OF(at, due_usec);
}
