/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"

/** own_cgroup_of() - the cgroup of a process, below the mount of cgroup v2; heap, NULL when gone */
char *own_cgroup_of(pid_t pid);

/** own_cgroup_unit() - the service of systemd that we run in; heap, NULL when in none */
char *own_cgroup_unit(void);

/**
 * own_cgroup_gaps() - which limits the systemd of this user cannot enforce
 *
 * Return: "limits not enforced: …" on the heap, or NULL when there is no gap, or none is to be
 * seen.
 */
char *own_cgroup_gaps(void);
