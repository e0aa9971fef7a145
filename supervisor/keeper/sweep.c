/* SPDX-License-Identifier: MIT */

/*
 * Nothing left behind. Every descendant stays below the keeper, because the keeper is a subreaper:
 * setsid() and double forks change the session and the parent, not that. "No child left" (ECHILD)
 * is therefore the proof that the whole tree is gone, and costs one system call.
 *
 * A tree that forks faster than it is killed one by one would never end. So a round stops all of it
 * first, looks again until nothing new is there, and only then kills. The number of looks in a
 * round is bounded, and a round is one turn of the loop, so that the keeper goes on answering. When
 * all that was killed is reaped and something is still there, the next round follows at once. A
 * timer serves what dies without telling us, because its own parent has reaped it, and what does
 * not die at all.
 *
 * A storm leaves zombies faster than it can be looked at, and keeps the processors busy: then the
 * keeper would get a turn too rarely to reap them, until no pid is left on the whole machine. So
 * the dead are reaped before the living are looked for, corpses are passed over when looking, and
 * as long as a sweep goes on the keeper is scheduled in real time, where it may.
 *
 * A pid that was found cannot become a stranger's before it is killed: our own children keep theirs
 * until we reap them, and a parent that is stopped reaps nobody.
 *
 * With a cgroup the kernel kills it whole, even against a fork storm; the walk follows for what has
 * found its way out of the cgroup.
 */

#include "supervisor/keeper/sweep.h"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "supervisor/keeper/cgroup.h"
#include "supervisor/keeper/clock.h"
#include "supervisor/keeper/reserve.h"
#include "supervisor/keeper/tree.h"

#define LOOKS_MAX 8
#define PAUSE_FIRST_USEC (10 * USEC_PER_MSEC)
#define PAUSE_MAX_USEC USEC_PER_SEC

void sweep_begin(struct sweep *s)
{
	*s = (struct sweep){.pause_usec = PAUSE_FIRST_USEC};
}

/* libc's own functions are stubs in musl: POSIX means processes, Linux threads, and it will not. */
static int set_policy(int policy, int priority)
{
	struct sched_param param = {.sched_priority = priority};

	return (int)syscall(SYS_sched_setscheduler, 0, policy, &param);
}

/* Root's privilege; without it the storm and we are equals. */
static void hurry(struct sweep *s)
{
	s->is_hurried = syscall(SYS_sched_getscheduler, 0) == SCHED_OTHER &&
			set_policy(SCHED_RR | SCHED_RESET_ON_FORK, 1) == 0;
}

void sweep_end(struct sweep *s)
{
	if (s->is_hurried)
		(void)set_policy(SCHED_OTHER, 0);
	s->is_hurried = false;
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

void sweep_turn(struct sweep *s, const struct cgroup *cgroup)
{
	usec_t begin_usec = clock_usec(CLOCK_MONOTONIC), end_usec;
	struct look look;

	if (!s->is_hurried)
		hurry(s);
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
	/* However long a look takes, half of our time is for reaping. */
	end_usec = clock_usec(CLOCK_MONOTONIC);
	s->next_usec = usec_add(end_usec, MAX_OF(s->pause_usec, usec_sub(end_usec, begin_usec)));
}

void sweep_saw(struct sweep *s, uint32_t n, uint32_t n_killed)
{
	s->n_pending -= MIN_OF(n, s->n_pending);
	s->n_killed += n_killed;
}
