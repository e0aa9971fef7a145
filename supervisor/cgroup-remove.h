/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/**
 * cgroup_remove() - remove a cgroup, with those that were made in it
 *
 * Return: 0, also when there is none; -EBUSY when there is a process in it; negative errno.
 */
must_check int cgroup_remove(const char *folder);
