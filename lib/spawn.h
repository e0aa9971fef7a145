/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"

#define SPAWN_FDS_MAX 16

/**
 * struct spawn - a program to start
 * @argv:     NULL-terminated; argv[0] is the path
 * @env:      NULL-terminated, or NULL for our own environment
 * @in_fd @out_fd @err_fd: become 0, 1, 2; -1 means /dev/null for 0 and our own for 1 and 2
 * @fds:      @n_fds descriptors that become 3, 4, …; everything else is closed by CLOEXEC
 * @session:  start a session of its own (setsid)
 *
 * All descriptors are borrowed. Signals are reset to their defaults and the mask is emptied.
 */
struct spawn {
	char *const *argv;
	char *const *env;
	int in_fd;
	int out_fd;
	int err_fd;
	const int *fds;
	size_t n_fds;
	bool session;
};

/**
 * spawn_run() - start it (posix_spawn(3): the parent's memory is not copied)
 *
 * Return: 0 with the pid, or negative errno of fork or exec.
 */
must_check int spawn_run(const struct spawn *s, pid_t *ret_pid);
