/* SPDX-License-Identifier: MIT */

/*
 * How closely a pipe is watched.
 *
 * A program that writes line by line, as fast as it can, wakes us with each line, and while we
 * fetch it holds nothing more: both sides then spend their time waking each other. So once a pipe
 * has trickled like that for two turns, it is left alone for a fifth of a millisecond, in which a
 * few hundred lines come together; that is a tenth of the work, for us and for the program. It goes
 * on as long as each look finds something. A pipe that is quiet, or that fills up, is watched as
 * usual, so a single line is stored and stamped at once.
 */

#include "log/pace.h"

bool pace_turn(struct pace *p, size_t batch_bytes, usec_t now_usec)
{
	size_t limit = p->napping ? PACE_LARGE_BYTES : PACE_SMALL_BYTES;
	bool quick = p->napping || usec_sub(now_usec, p->turned_usec) < PACE_QUICK_USEC;

	p->turned_usec = now_usec;
	p->napping = quick && batch_bytes > 0 && batch_bytes < limit;
	return p->napping;
}
