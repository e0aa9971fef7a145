/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"

struct cgroup;
struct child;

/**
 * spawn_child() - make a process that becomes the payload, and wait until it has, or has failed
 * @cgroup:  where it is born; notes when that cannot be
 * @ret_pid: our child; it may have failed (page.exec) and is then to be reaped
 *
 * Context: all signals that the keeper handles must be blocked.
 * Return: 0 or negative errno.
 */
must_check int spawn_child(struct child *c, struct cgroup *cgroup, pid_t *ret_pid);
