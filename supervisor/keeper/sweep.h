/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"

struct cgroup;

/**
 * struct sweep - the killing of a tree; all zero: none is going on
 * @n_killed:  processes that it has killed and that are gone
 * @n_left:    processes that were there when it looked last
 * @n_pending: killed, and not yet seen dead
 * @sum:       of the pids in the last round, to see whether they are the same ones
 * @next_usec: when to look again if nobody dies
 * @is_hurried: the keeper is scheduled in real time
 */
struct sweep {
	uint32_t n_killed;
	uint32_t n_left;
	uint32_t n_pending;
	uint64_t sum;
	usec_t next_usec;
	usec_t pause_usec;
	bool is_hurried;
};

/** sweep_begin() - from now on; sweep_turn() follows */
void sweep_begin(struct sweep *s);

/** sweep_end() - nothing is left, or it is given up; the counts stay */
void sweep_end(struct sweep *s);

/**
 * sweep_turn() - one bounded round: stop all, then kill all
 *
 * Context: call when next_usec has come, or when everything that was killed has been reaped and
 * children are still there.
 */
void sweep_turn(struct sweep *s, const struct cgroup *cgroup);

/** sweep_saw() - @n children were reaped, @n_killed of them ended by SIGKILL */
void sweep_saw(struct sweep *s, uint32_t n, uint32_t n_killed);
