/* SPDX-License-Identifier: MIT */

/*
 * How closely a pipe is watched.
 *
 * To be woken for a line costs more than to store it: a service with a thousand lines a second
 * would keep us busy with waking up, and one that writes as fast as it can would spend its own time
 * on waking us. So a pipe in steady use is left alone until it should be half full, by the rate of
 * its last turn, but never longer than PACE_NAP_MAX_USEC. That is the most by which such a stamp is
 * late, it counts as lag in Stats, and it is the most for which a program waits that suddenly fills
 * its pipe. Naps end on a common beat: fifty chatty services are one wake-up and not fifty.
 *
 * Steady use are PACE_STEADY_TURNS small turns that follow each other quickly. So what a service
 * says now and then, or a few lines at once, is stored and stamped as it comes, and a flood that
 * fills the pipe faster than a nap lasts is never kept waiting. It ends with a look that finds
 * nothing or a pipe about to be full, and now and then on trial, since a nap cannot tell one line
 * from twenty.
 */

#include "log/pace.h"

bool pace_is_flood(const struct pace *p, size_t batch_bytes)
{
	return batch_bytes >= p->room_bytes / 2;
}

usec_t pace_turn(struct pace *p, size_t taken_bytes, usec_t now_usec)
{
	usec_t gap_usec = usec_sub(now_usec, p->turned_usec), nap_usec;
	bool steady = p->n_quick >= PACE_STEADY_TURNS && p->n_quick < PACE_TRUST_TURNS;
	bool goes_on = steady ? !pace_is_flood(p, taken_bytes)
			      : gap_usec < PACE_QUICK_USEC && taken_bytes < PACE_SMALL_BYTES;

	p->turned_usec = now_usec;
	p->n_quick = goes_on && taken_bytes > 0 ? p->n_quick % PACE_TRUST_TURNS + 1 : 0;
	if (p->n_quick < PACE_STEADY_TURNS)
		return 0;
	nap_usec = MIN_OF(gap_usec, PACE_NAP_MAX_USEC) * (p->room_bytes / 2) / taken_bytes;
	nap_usec = MIN_OF(MAX_OF(nap_usec, PACE_NAP_MIN_USEC), PACE_NAP_MAX_USEC);
	return (now_usec / nap_usec + 1) * nap_usec;
}
