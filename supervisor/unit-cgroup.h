/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/**
 * unit_cgroup_remove() - remove what is left of the cgroup of a unit that systemd has unloaded
 * @unit: a service's unit in a slice of ours
 *
 * A cgroup in which there is a process stays, and the log says so.
 */
void unit_cgroup_remove(const char *unit);

/** unit_cgroup_remove_below() - the same, where @top is the folder of the slice of all of ours */
void unit_cgroup_remove_below(const char *top, const char *unit);
