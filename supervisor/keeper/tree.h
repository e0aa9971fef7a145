/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"

/** struct tree_process - from /proc/PID/stat; @start, in ticks, names the process for ever */
struct tree_process {
	pid_t parent;
	uint64_t start;
};

/**
 * tree_look() - look at one process
 *
 * Return: 0, or -ESRCH when there is none.
 */
must_check int tree_look(pid_t pid, struct tree_process *ret_process);

/**
 * tree_has() - whether @pid is a descendant of @root
 *
 * Root is a subreaper, so a descendant cannot get out of its tree by a double fork.
 */
bool tree_has(pid_t root, pid_t pid);

/**
 * tree_signal() - send a signal to the descendants of @root, parents before their children
 * @signal:   sent to each as soon as it is found
 * @ret_pids: who they are, room for @max
 *
 * What forks while it is looked at may be missed: look again until nothing is new. Our own dead
 * children are passed over.
 *
 * Return: how many, at most @max.
 */
size_t tree_signal(pid_t root, int signal, pid_t *ret_pids, size_t max);
