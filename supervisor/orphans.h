/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"

/** How long one sweep may take; what is not dead by then is reported, not waited for. */
#define ORPHANS_KILL_USEC (100 * USEC_PER_MSEC)

/**
 * orphans_kill() - kill the children that nobody keeps, each with its whole tree
 * @parent:  whose children are looked at
 * @is_kept: whether a child stays, with everything below it; this process itself always does
 *
 * Context: takes milliseconds, ORPHANS_KILL_USEC at most. What was killed is dead when it returns,
 * but a dead child of ours still has to be reaped.
 *
 * Return: processes killed; -EBUSY when some would not die within the time; -ESRCH when there is no
 * @parent; negative errno.
 */
must_check int orphans_kill(pid_t parent, bool (*is_kept)(pid_t pid, void *userdata),
			    void *userdata);
