/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/** Shortest and longest time for which a pipe in steady use is left alone. */
#define PACE_NAP_MIN_USEC 200
#define PACE_NAP_MAX_USEC (16 * USEC_PER_MSEC)
/** Turns that take less cost more than what they fetch; if they follow each other within … */
#define PACE_SMALL_BYTES ((size_t)2048)
#define PACE_QUICK_USEC (4 * USEC_PER_MSEC)
/** … so many of them in a row are steady use … */
#define PACE_STEADY_TURNS 8
/** … which has to be shown again after so many. */
#define PACE_TRUST_TURNS 256

/**
 * struct pace - how closely a pipe is watched
 * @room_bytes:  what the pipe holds at most
 * @turned_usec: end of its last turn, monotonic
 * @n_quick:     quick and small turns in a row, and the naps that follow
 */
struct pace {
	size_t room_bytes;
	usec_t turned_usec;
	unsigned n_quick;
};

/** pace_is_flood() - whether a batch came from a pipe that was about to be full */
bool pace_is_flood(const struct pace *p, size_t batch_bytes);

/**
 * pace_turn() - decide at the end of a turn
 * @taken_bytes: in this turn; 0: the pipe was empty
 *
 * Return: when to look again, whatever comes in between (monotonic, at most PACE_NAP_MAX_USEC from
 * now); 0: as soon as there is something.
 */
usec_t pace_turn(struct pace *p, size_t taken_bytes, usec_t now_usec);
