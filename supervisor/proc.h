/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"

struct numbers;

/** proc_pss_bytes() - proportional set size of a process (proc(5), smaps_rollup); 0 when unknown */
uint64_t proc_pss_bytes(pid_t pid);

/** proc_is_outdated() - whether the program that it runs was replaced on disk (proc(5), exe) */
bool proc_is_outdated(pid_t pid);

/** proc_ram_bytes() - memory of the machine */
uint64_t proc_ram_bytes(void);

/**
 * proc_tree() - a process and all its descendants (/proc/PID/task/PID/children)
 * @pids: filled, @pid first
 * @max:  where looking ends
 *
 * Return: how many; one that is gone counts as well, as the only one.
 */
size_t proc_tree(pid_t pid, pid_t *pids, size_t max);

/**
 * proc_kept() - the processes of a service without its keeper
 * @main: its main process
 * @pids: room for @max, at least 1
 *
 * Return: how many there are in @pids; at least 1.
 */
size_t proc_kept(pid_t keeper, pid_t main, pid_t *pids, size_t max);

/**
 * proc_measure() - what processes use together: CPU, memory and tasks, without any cgroup
 * @ret: at_usec is the caller's, everything else unknown
 *
 * Memory is what each has for itself, and the largest of the parts that they have of files and in
 * common: what is shared is neither counted for each of them nor forgotten.
 */
void proc_measure(const pid_t *pids, size_t n, struct numbers *ret);
