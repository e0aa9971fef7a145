/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/** own_cgroup_unit() - the service of systemd that we run in; heap, NULL when in none */
char *own_cgroup_unit(void);

/**
 * own_cgroup_gaps() - which limits the systemd of this user cannot enforce
 *
 * Return: "limits not enforced: …" on the heap, or NULL when there is no gap, or none is to be
 * seen.
 */
char *own_cgroup_gaps(void);
