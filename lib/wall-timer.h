/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/loop.h"

typedef void (*wall_timer_fn)(void *userdata);

/**
 * struct wall_timer - fires at a time of the wall clock, and whenever that clock is set
 */
struct wall_timer {
	struct loop_fd source;
	wall_timer_fn fn;
	void *userdata;
};

/**
 * wall_timer_init() - a timer that is not set
 * @fn: called once for each time that it is set, perhaps too early: look at the clock
 *
 * Return: 0 or negative errno.
 */
must_check int wall_timer_init(struct wall_timer *t, struct loop *l, wall_timer_fn fn,
			       void *userdata);

/**
 * wall_timer_set() - fire at @at_usec (wall clock); USEC_INFINITY disarms
 *
 * Return: 0 or negative errno.
 */
must_check int wall_timer_set(struct wall_timer *t, usec_t at_usec);

/** wall_timer_done() - disarm and close; a zeroed timer is allowed */
void wall_timer_done(struct wall_timer *t);
