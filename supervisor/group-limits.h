/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct config;
struct config_limits;
struct config_process;

/* The group of a process whose config names none. */
#define GROUP_DEFAULT "default"

/** group_of() - the slice that a process belongs to, with a name also where the config has none */
const char *group_of(const struct config_process *p);

/**
 * group_limits() - what a group as a whole gets
 * @group: NULL: all of them together
 * @ret:   texts are borrowed from the config
 *
 * The limits that the config's `slices` give it; memory_min and memory_low are at least the sum of
 * what its members are promised, for what a cgroup is promised counts only as far as those above it
 * have the same (cgroup-v2.rst, "memory.low").
 */
void group_limits(const struct config *c, const char *group, struct config_limits *ret);

/** group_has_limits() - whether group_limits() says anything at all */
bool group_has_limits(const struct config *c, const char *group);
