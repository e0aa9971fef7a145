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
#include "supervisor/keeper/reserve.h"
#include "supervisor/keeper/tree.h"

#define LOOKS_MAX 8
#define PAUSE_FIRST_USEC (10 * USEC_PER_MSEC)
#define PAUSE_MAX_USEC USEC_PER_SEC

void sweep_begin(struct sweep *s)
{
	*s = (struct sweep){.pause_usec = PAUSE_FIRST_USEC};
}

/* What one look at the tree has found; two looks with the same sum found the same processes. */
struct look {
	size_t n;
	uint64_t sum;
};

static struct look look_and_signal(int signal)
{
	struct look look = {.n = tree_signal(getpid(), signal, reserve.pids, RESERVE_PIDS_MAX)};

	for (size_t i = 0; i < look.n; i++)
		look.sum += (uint64_t)reserve.pids[i];
	return look;
}

static struct look stop_all(void)
{
	struct look look = {0}, last;

	for (int i = 0; i < LOOKS_MAX; i++) {
		last = look;
		look = look_and_signal(SIGSTOP);
		if (look.n == last.n && look.sum == last.sum)
			break;
	}
	return look;
}

void sweep_turn(struct sweep *s, const struct cgroup *cgroup, usec_t now_usec)
{
	struct look look;

	ignore_result(cgroup_kill(cgroup));
	look = stop_all();
	for (size_t i = 0; i < look.n; i++)
		(void)kill(reserve.pids[i], SIGKILL);
	/* Slow down only when it is the same ones that do not die. */
	s->pause_usec =
		look.sum == s->sum ? MIN_OF(s->pause_usec * 2, PAUSE_MAX_USEC) : PAUSE_FIRST_USEC;
	s->sum = look.sum;
	s->n_left = (uint32_t)look.n;
	s->n_pending = (uint32_t)look.n;
	s->next_usec = usec_add(now_usec, s->pause_usec);
}

void sweep_saw(struct sweep *s, uint32_t n, uint32_t n_killed)
{
	s->n_pending -= MIN_OF(n, s->n_pending);
	s->n_killed += n_killed;
}
