/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"

/** proc_pss_bytes() - proportional set size of a process (proc(5), smaps_rollup); 0 when unknown */
uint64_t proc_pss_bytes(pid_t pid);

/** proc_is_outdated() - whether the program that it runs was replaced on disk (proc(5), exe) */
bool proc_is_outdated(pid_t pid);

/** proc_ram_bytes() - memory of the machine */
uint64_t proc_ram_bytes(void);

/**
 * proc_count_tree() - a process and all its descendants (/proc/PID/task/PID/children)
 * @max: where counting ends
 *
 * Return: how many, 0 when @pid is gone.
 */
size_t proc_count_tree(pid_t pid, size_t max);
