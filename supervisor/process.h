/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"

/**
 * struct process - a process that cannot be mistaken for a later one with the same pid
 * @pid:    its number
 * @parent: whose child it was when it was looked at
 * @start:  when it began, in clock ticks since boot (field 22 of /proc/PID/stat)
 */
struct process {
	pid_t pid;
	pid_t parent;
	uint64_t start;
};

/** process_get() - look at the process that has @pid now; Return: 0, -ESRCH, negative errno */
must_check int process_get(pid_t pid, struct process *ret_process);

/**
 * process_signal() - send a signal to exactly this process
 *
 * Return: 0, -ESRCH when it is gone, -EPERM, another negative errno.
 */
must_check int process_signal(const struct process *p, int signo);

/**
 * process_wait() - wait until it and all its threads are dead, whether it has been reaped or not
 * @deadline_usec: monotonic
 *
 * Return: 0, -ETIMEDOUT, negative errno.
 */
must_check int process_wait(const struct process *p, usec_t deadline_usec);

/**
 * process_children() - children of all threads of a process
 * @ret_pids: heap, freed by the caller
 * @ret_n:    how many
 *
 * Return: 0, -ESRCH when it is gone, negative errno.
 */
must_check int process_children(pid_t pid, pid_t **ret_pids, size_t *ret_n);
