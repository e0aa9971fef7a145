/* SPDX-License-Identifier: MIT */

/*
 * Nothing left behind. Every descendant stays below the keeper, because the keeper is a subreaper:
 * setsid() and double forks change the session and the parent, not that. "No child left" (ECHILD)
 * is therefore the proof that the whole tree is gone, and costs one system call.
 *
 * A tree that forks faster than it is killed one by one would never end. So a round stops all of it
 * first, looks again until nothing new is there, and only then kills. The number of looks in a
 * round is bounded, and a round is one turn of the loop, so that the keeper goes on answering. When
 * all that was killed is reaped and something is still there, the next round follows at once; a
 * timer that slows down serves only what dies without telling us (a zombie of a parent that cannot
 * die yet).
 *
 * With a cgroup the kernel kills it whole, even against a fork storm; the walk follows for what has
 * found its way out of the cgroup.
 */

#include "supervisor/keeper/sweep.h"

#include <signal.h>

#include "supervisor/keeper/cgroup.h"
#include "supervisor/keeper/tree.h"

#define LOOKS_MAX 8
/* A tree beyond this is taken in several rounds. */
#define PIDS_MAX 16384
#define PAUSE_FIRST_USEC (10 * USEC_PER_MSEC)
#define PAUSE_MAX_USEC USEC_PER_SEC

void sweep_begin(struct sweep *s)
{
	*s = (struct sweep){.pause_usec = PAUSE_FIRST_USEC};
}

static size_t stop_all(pid_t *pids)
{
	size_t n = 0, before;

	for (int i = 0; i < LOOKS_MAX; i++) {
		before = n;
		n = tree_list(getpid(), pids, PIDS_MAX);
		if (n == before)
			break;
		for (size_t k = 0; k < n; k++)
			(void)kill(pids[k], SIGSTOP);
	}
	return n;
}

void sweep_turn(struct sweep *s, const struct cgroup *cgroup, usec_t now_usec)
{
	static pid_t pids[PIDS_MAX];
	size_t n;

	ignore_result(cgroup_kill(cgroup));
	n = stop_all(pids);
	for (size_t i = 0; i < n; i++)
		(void)kill(pids[i], SIGKILL);
	s->n_left = (uint32_t)n;
	s->n_pending = (uint32_t)n;
	s->next_usec = usec_add(now_usec, s->pause_usec);
	s->pause_usec = MIN_OF(s->pause_usec * 2, PAUSE_MAX_USEC);
}

void sweep_saw(struct sweep *s, uint32_t n, uint32_t n_killed)
{
	s->n_pending -= MIN_OF(n, s->n_pending);
	s->n_killed += n_killed;
}
