/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"

struct error;
struct paths;

/**
 * outermost_is_alive() - whether the supervisor's own keeper is there, so that a supervisor that
 * does not answer will be back soon
 */
bool outermost_is_alive(const struct paths *paths);

/** outermost_pidfd() - a pidfd of the supervisor's own keeper, or negative errno */
must_check int outermost_pidfd(const struct paths *paths);

/**
 * outermost_start() - start the supervisor under a keeper of its own, detached from the caller
 * @said_fd:  where the keeper's own complaints go; borrowed
 * @ret_pid:  the keeper, a child of ours until we exit
 *
 * Return: 0 or negative errno with a text.
 */
must_check int outermost_start(const struct paths *paths, int said_fd, pid_t *ret_pid,
			       struct error *err);

/**
 * outermost_enter() - the same, as a unit of systemd
 * @ret_pid: the keeper, no child of ours
 *
 * Return: 0 or negative errno with a text, which says why systemd cannot be used.
 */
must_check int outermost_enter(const struct paths *paths, pid_t *ret_pid, struct error *err);

/**
 * struct keepers - the keepers that hold a control socket, the outermost one too
 * @pidfds: @n descriptors; a keeper that has ended makes its one readable
 */
struct keepers {
	int *pidfds;
	size_t n;
};

/** keepers_find() - ask each control socket who is behind it; Return: 0 or negative errno */
must_check int keepers_find(const struct paths *paths, struct keepers *ret_keepers);

/** keepers_signal() - send a signal to all of them */
void keepers_signal(const struct keepers *k, int signo);

/**
 * keepers_wait() - wait until all have ended
 * @deadline_usec: monotonic
 *
 * Return: 0, -ETIMEDOUT or negative errno.
 */
must_check int keepers_wait(const struct keepers *k, usec_t deadline_usec);

/** keepers_done() - close the descriptors */
void keepers_done(struct keepers *k);

/** process_wait() - wait until the process behind a pidfd has ended; Return: as keepers_wait() */
must_check int process_wait(int pidfd, usec_t deadline_usec);

/** process_pidfd() - pidfd_open(2): a CLOEXEC descriptor or negative errno */
must_check int process_pidfd(pid_t pid);
