/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include "lib/base.h"
#include "supervisor/keeper/cgroup.h"
#include "supervisor/keeper/child.h"
#include "supervisor/keeper/snapshot-frame.h"
#include "supervisor/keeper/spec.h"

/**
 * struct life - one run of the payload, from its spawn until the next one
 * @number:     wall clock of its start, growing
 * @pid:        main process, 0 when there is none (any more)
 * @pidfd:      of a main process that the payload has named, -1
 * @is_foreign: MAINPID= named a process that is not our child: it is watched by its pidfd
 * @lost_pid:   a foreign main process that has ended; its status may still come, if its parent goes
 * @is_refused: it has named a main process that is none of its own, and that has been said
 * @start_usec: monotonic
 * @ended_usec: monotonic, when the main process was gone
 * @status:     of the main process
 * @usage:      of everything reaped so far
 * @watch_usec: when the next WATCHDOG=1 is due, USEC_INFINITY: never
 */
struct life {
	uint64_t number;
	pid_t pid;
	int pidfd;
	pid_t lost_pid;
	bool is_foreign;
	bool is_ready;
	bool is_refused;
	uint64_t pid_start;
	usec_t start_usec;
	usec_t ready_usec;
	usec_t ended_usec;
	usec_t watchdog_usec;
	usec_t watch_usec;
	int status;
	struct {
		uint64_t user_usec;
		uint64_t system_usec;
		uint64_t maxrss_kb;
	} usage;
	char text[KEEPER_STATUS_MAX];
};

/** enum life_news - what life_reap() has found */
enum life_news {
	LIFE_NONE_LEFT, /* no child is left at all */
	LIFE_SOME_LEFT, /* children live */
	LIFE_MORE,      /* stopped at its bound: call again soon */
};

/** struct life_dead - counts of one life_reap() */
struct life_dead {
	bool is_main;
	uint32_t n_others;
	uint32_t n_killed; /* of the others, those that SIGKILL ended */
};

/**
 * life_begin() - a new number, a new start, everything else forgotten
 *
 * Return: nothing; life_spawn() follows.
 */
void life_begin(struct life *l, const struct spec *s, usec_t now_usec);

/**
 * life_spawn() - start the payload
 * @c: prepared child
 *
 * Return: 0; -ECANCELED when it failed on its way and c->page->exec says where; the life has then
 * no process.
 */
must_check int life_spawn(struct life *l, struct child *c, struct cgroup *cgroup);

/**
 * life_reap() - take what has died, a bounded number
 *
 * Context: sets @status, @ended_usec when the main process is among them.
 */
enum life_news life_reap(struct life *l, usec_t now_usec, struct life_dead *ret_dead);

/** life_end_foreign() - a main process that is not our child has ended, nobody knows how */
void life_end_foreign(struct life *l, usec_t now_usec);

/**
 * life_set_main() - MAINPID=
 * @is_unit: ours are those in the payload's cgroup of the unit, not those below us
 *
 * Return: 0, -ESRCH when it is none of ours, negative errno.
 */
must_check int life_set_main(struct life *l, bool is_unit, pid_t pid);

/** life_signal() - Return: 0, -ESRCH without a main process, negative errno */
must_check int life_signal(const struct life *l, int signal);

/** life_set_ready() - Return: whether that is news */
bool life_set_ready(struct life *l, bool is_ready, usec_t now_usec);
