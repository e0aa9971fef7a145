/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "lib/loop.h"

/**
 * struct strangers - dead children that this process never started, embedded in who wants them gone
 */
struct strangers {
	struct loop *loop;
	struct loop_signal child_ended;
	struct loop_timer again;
};

/**
 * strangers_init() - reap what nobody waits for (loop_watches_pid()), from now on
 *
 * Return: 0 or negative errno.
 */
must_check int strangers_init(struct strangers *s, struct loop *loop);

/** strangers_done() - stop; a zeroed one is allowed */
void strangers_done(struct strangers *s);
