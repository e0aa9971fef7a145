/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "supervisor/keeper/exit-frame.h"

/**
 * struct cause_evidence - what is known about the end of a life that nobody asked for
 * @wait_status:  of the main process, -1 when unknowable
 * @never_ran:    it failed between fork and exec
 * @oom_kills:    in its cgroup, during this life
 * @tasks_denied: forks that its cgroup's limit refused, during this life
 */
struct cause_evidence {
	int wait_status;
	bool never_ran;
	uint64_t oom_kills;
	uint64_t tasks_denied;
};

/**
 * cause_find() - why the life has ended
 *
 * Context: pure.
 */
enum keeper_cause cause_find(const struct cause_evidence *e);
