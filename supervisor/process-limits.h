/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"

struct config_limits;
struct error;

/**
 * process_limits_set() - give a process, and all below it, the limits that no cgroup has
 * @pid: main process of a service; that it has ended meanwhile is no error
 *
 * What is not set in @limits is left as it is: only the next start knows what it would be.
 *
 * Return: 0 or negative errno with a text.
 */
must_check int process_limits_set(pid_t pid, const struct config_limits *limits, struct error *err);
