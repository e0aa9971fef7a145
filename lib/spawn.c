/* SPDX-License-Identifier: MIT */
#include "lib/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

/*
 * Starting a program with exactly the descriptors that it shall have.
 *
 * posix_spawn(3) instead of fork: glibc shares the memory until exec, so a large daemon starts a
 * child as fast as a small one, and the errno of exec comes back to the caller.
 *
 * Descriptors are moved in two steps. A source may be one of the targets of another (3 becomes 4
 * while 4 becomes 3), so each is first copied above all targets and then moved down; the copies
 * are CLOEXEC and vanish in the child by themselves.
 */

#define FIRST_PASSED 3
#define ABOVE_TARGETS (FIRST_PASSED + SPAWN_FDS_MAX)

/**
 * struct moves - the descriptors of one child
 * @actions: what happens in the child
 * @copies:  @n_copies descriptors above all targets, closed in the parent afterwards
 */
struct moves {
	posix_spawn_file_actions_t actions;
	int copies[ABOVE_TARGETS];
	size_t n_copies;
};

static void moves_done(struct moves *m)
{
	for (size_t i = 0; i < m->n_copies; i++)
		close_fd(&m->copies[i]);
	(void)posix_spawn_file_actions_destroy(&m->actions);
}

static int moves_add(struct moves *m, int fd, int target)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, ABOVE_TARGETS);

	if (copy < 0)
		return -errno;
	m->copies[m->n_copies++] = copy;
	return -posix_spawn_file_actions_adddup2(&m->actions, copy, target);
}

static int moves_fill(struct moves *m, const struct spawn *s)
{
	const int standard[] = {s->in_fd, s->out_fd, s->err_fd};
	int r = 0;

	for (int i = 0; i < FIRST_PASSED && r == 0; i++) {
		if (standard[i] >= 0)
			r = moves_add(m, standard[i], i);
		else if (i == STDIN_FILENO)
			r = -posix_spawn_file_actions_addopen(&m->actions, i, "/dev/null", O_RDONLY,
							      0);
	}
	for (size_t i = 0; i < s->n_fds && r == 0; i++)
		r = moves_add(m, s->fds[i], FIRST_PASSED + (int)i);
	return r;
}

static int attributes_fill(posix_spawnattr_t *attributes, bool session)
{
	short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
	sigset_t all;
	sigset_t none;
	int r;

	/* sigfillset() leaves out the two that glibc keeps for threads; they would stay ignored. */
	memset(&all, 0xff, sizeof(all));
	(void)sigemptyset(&none);
	if (session)
		flags |= POSIX_SPAWN_SETSID;
	r = posix_spawnattr_setsigdefault(attributes, &all);
	if (r == 0)
		r = posix_spawnattr_setsigmask(attributes, &none);
	if (r == 0)
		r = posix_spawnattr_setflags(attributes, flags);
	return -r;
}

static int run(const struct spawn *s, struct moves *m, pid_t *ret_pid)
{
	posix_spawnattr_t attributes;
	pid_t pid;
	int r;

	r = posix_spawnattr_init(&attributes);
	if (r != 0)
		return -r;
	r = attributes_fill(&attributes, s->session);
	if (r == 0)
		r = -posix_spawn(&pid, s->argv[0], &m->actions, &attributes, s->argv,
				 s->env ? s->env : environ);
	(void)posix_spawnattr_destroy(&attributes);
	if (r == 0)
		*ret_pid = pid;
	return r;
}

int spawn_run(const struct spawn *s, pid_t *ret_pid)
{
	struct moves m = {0};
	int r;

	if (!s->argv[0] || s->n_fds > SPAWN_FDS_MAX)
		return -EINVAL;
	r = posix_spawn_file_actions_init(&m.actions);
	if (r != 0)
		return -r;
	r = moves_fill(&m, s);
	if (r == 0)
		r = run(s, &m, ret_pid);
	moves_done(&m);
	return r;
}
