/* SPDX-License-Identifier: MIT */

/*
 * One life of the payload. Whoever dies below the keeper is reaped here, the main process or a
 * stranger's orphan, and what it used is added up: the report counts the whole tree, not only the
 * process that happened to be the first.
 *
 * Usually the main process is our child. A payload may name another one (MAINPID=); that one may
 * have a parent of its own, who takes its exit status. It is then watched by its pidfd, and
 * unless the sweep is quicker than that parent, the report says that the status is unknowable.
 */

#include "supervisor/keeper/life.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "supervisor/keeper/clock.h"
#include "supervisor/keeper/page.h"
#include "supervisor/keeper/spawn.h"
#include "supervisor/keeper/text.h"
#include "supervisor/keeper/tree.h"
#include "supervisor/keeper/unit.h"

/* So many deaths a turn of the loop, so that a storm does not starve the control socket. */
#define REAP_MAX 1024

void life_begin(struct life *l, const struct spec *s, usec_t now_usec)
{
	uint64_t last = MAX_OF(l->number, s->last_life);

	close_fd(&l->pidfd);
	*l = (struct life){
		.number = MAX_OF(clock_usec(CLOCK_REALTIME), last + 1),
		.pidfd = -1,
		.start_usec = now_usec,
		.ended_usec = now_usec,
		.watchdog_usec = s->watchdog_usec,
		.watch_usec = USEC_INFINITY,
		.status = -1,
	};
	if (s->watchdog_usec > 0 && !s->is_notify)
		l->watch_usec = usec_add(now_usec, s->watchdog_usec);
}

static void add_usage(struct life *l, const struct rusage *u)
{
	l->usage.user_usec +=
		(uint64_t)u->ru_utime.tv_sec * USEC_PER_SEC + (uint64_t)u->ru_utime.tv_usec;
	l->usage.system_usec +=
		(uint64_t)u->ru_stime.tv_sec * USEC_PER_SEC + (uint64_t)u->ru_stime.tv_usec;
	l->usage.maxrss_kb = MAX_OF(l->usage.maxrss_kb, (uint64_t)u->ru_maxrss);
}

static void note_failed_spawn(struct child *c, const struct cgroup *cgroup, int error)
{
	bool is_cgroup = cgroup->dir >= 0 && error != EAGAIN && error != ENOMEM;

	c->page->exec.step = is_cgroup ? KEEPER_EXEC_CGROUP : KEEPER_EXEC_FORK;
	c->page->exec.error = error;
	text_copy(c->page->exec.path, sizeof(c->page->exec.path), is_cgroup ? c->spec->cgroup : "");
}

int life_spawn(struct life *l, struct child *c, struct cgroup *cgroup)
{
	int r;

	c->page->exec.step = KEEPER_EXEC_OK;
	r = spawn_child(c, cgroup, &l->pid);
	if (r < 0) {
		note_failed_spawn(c, cgroup, -r);
		return -ECANCELED;
	}
	if (c->page->exec.step == KEEPER_EXEC_OK)
		return 0;
	/* It is at its _exit(): this does not wait. */
	while (waitpid(l->pid, NULL, 0) < 0 && errno == EINTR)
		;
	l->pid = 0;
	return -ECANCELED;
}

static void end_main(struct life *l, int status, usec_t now_usec)
{
	l->pid = 0;
	l->lost_pid = 0;
	l->pid_start = 0;
	l->is_foreign = false;
	l->is_ready = false;
	l->status = status;
	l->ended_usec = now_usec;
	l->watch_usec = USEC_INFINITY;
	close_fd(&l->pidfd);
}

enum life_news life_reap(struct life *l, usec_t now_usec, struct life_dead *ret_dead)
{
	*ret_dead = (struct life_dead){0};
	for (int i = 0; i < REAP_MAX; i++) {
		struct rusage usage;
		int status;
		pid_t pid = wait4(-1, &status, WNOHANG, &usage);

		if (pid < 0)
			return errno == ECHILD ? LIFE_NONE_LEFT : LIFE_SOME_LEFT;
		if (pid == 0)
			return LIFE_SOME_LEFT;
		add_usage(l, &usage);
		if (pid == l->pid || pid == l->lost_pid) {
			end_main(l, status, now_usec);
			ret_dead->is_main = true;
			continue;
		}
		ret_dead->n_others++;
		ret_dead->n_killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	}
	return LIFE_MORE;
}

void life_end_foreign(struct life *l, usec_t now_usec)
{
	pid_t pid = l->pid;

	end_main(l, -1, now_usec);
	l->lost_pid = pid;
}

/* Below a unit's keeper there may be no tree: who has lost a keeper has another parent. */
static bool is_ours(bool is_unit, pid_t pid)
{
	return is_unit ? unit_has(pid) : tree_has(getpid(), pid);
}

int life_set_main(struct life *l, bool is_unit, pid_t pid)
{
	struct tree_process process;
	int pidfd;

	if (pid == l->pid)
		return 0;
	if (l->pid == 0)
		return -ESRCH;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return -errno;
	/* Asked after the pidfd is there, so that it is the same process that is asked about. */
	if (!is_ours(is_unit, pid) || tree_look(pid, &process) < 0) {
		close_fd(&pidfd);
		return -ESRCH;
	}
	close_fd(&l->pidfd);
	l->pid = pid;
	l->pidfd = pidfd;
	l->pid_start = process.start;
	l->is_foreign = process.parent != getpid();
	return 0;
}

int life_signal(const struct life *l, int signal)
{
	if (l->pid == 0)
		return -ESRCH;
	if (l->pidfd < 0)
		return kill(l->pid, signal) < 0 ? -errno : 0;
	return syscall(SYS_pidfd_send_signal, l->pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

bool life_set_ready(struct life *l, bool is_ready, usec_t now_usec)
{
	if (l->is_ready == is_ready || l->pid == 0)
		return false;
	l->is_ready = is_ready;
	if (is_ready && l->ready_usec == 0)
		l->ready_usec = now_usec;
	if (is_ready && l->watchdog_usec > 0 && l->watch_usec == USEC_INFINITY)
		l->watch_usec = usec_add(now_usec, l->watchdog_usec);
	return true;
}
