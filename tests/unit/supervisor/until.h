/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "lib/clock.h"
#include "lib/loop.h"

/*
 * Turning a loop until something has come true. Header only, so that a test still lists the .c
 * files of the project alone.
 */

#define UNTIL_DEADLINE_USEC (20 * USEC_PER_SEC)

struct until {
	struct loop *loop;
	struct loop_timer timer;
	bool (*is_done)(void *userdata);
	void *userdata;
	usec_t deadline_usec;
};

static inline void until_look(void *userdata)
{
	struct until *u = userdata;

	if (u->is_done(u->userdata))
		loop_stop(u->loop, 0);
	else if (clock_now_usec() >= u->deadline_usec)
		loop_stop(u->loop, 1);
	else if (loop_timer_set(&u->timer, clock_now_usec() + USEC_PER_MSEC) < 0)
		abort();
}

/** until() - turn @loop until @is_done; Return: whether it was before the deadline */
static inline bool until(struct loop *loop, bool (*is_done)(void *userdata), void *userdata)
{
	struct until u = {
		.loop = loop,
		.is_done = is_done,
		.userdata = userdata,
		.deadline_usec = clock_now_usec() + UNTIL_DEADLINE_USEC,
	};
	int code;

	if (loop_timer_init(&u.timer, loop, until_look, &u) < 0 || loop_timer_set(&u.timer, 0) < 0)
		abort();
	code = loop_run(loop);
	loop_timer_done(&u.timer);
	return code == 0;
}
