/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/** How long a pipe that trickles quickly is left alone. */
#define PACE_NAP_USEC 200
/** Turns that follow each other within this are quick. */
#define PACE_QUICK_USEC 100
/** A batch below this costs more to fetch than it holds. */
#define PACE_SMALL_BYTES ((size_t)2048)
/** A batch from this on came from a pipe that is about to be full. */
#define PACE_LARGE_BYTES ((size_t)32 * 1024)

/**
 * struct pace - how closely a pipe is watched
 * @turned_usec: end of its last turn, monotonic
 * @napping:     it is looked at again after PACE_NAP_USEC, and not when its next byte comes
 */
struct pace {
	usec_t turned_usec;
	bool napping;
};

/**
 * pace_turn() - decide at the end of a turn
 * @batch_bytes: the last batch that was taken; 0: the pipe was empty
 *
 * Return: whether it naps.
 */
bool pace_turn(struct pace *p, size_t batch_bytes, usec_t now_usec);
