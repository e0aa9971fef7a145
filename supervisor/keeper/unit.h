/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"

struct spec;

/** The cgroup of the program, below the unit's. */
#define UNIT_PAYLOAD "payload"
/** A path within the cgroup tree, with its end. */
#define UNIT_PATH_MAX 1024

/**
 * unit_find() - the unit's cgroup in what /proc/PID/cgroup says
 * @text: its lines, terminated
 *
 * What the manager starts beside the main process lives in ".control" below the unit's cgroup; that
 * part is left out.
 *
 * Context: pure.
 * Return: 0, -ENODATA when no line is of cgroup v2, -ENAMETOOLONG.
 */
must_check int unit_find(const char *text, char ret_path[static UNIT_PATH_MAX]);

/**
 * unit_open() - open the folder of the cgroup of the unit that this process is of
 *
 * Return: descriptor, or negative errno.
 */
must_check int unit_open(void);

/**
 * unit_claim() - take a cgroup's folder back from the user that the manager gave it to
 *
 * Nothing when this process is not root's.
 *
 * Return: 0 or negative errno.
 */
must_check int unit_claim(int folder);

/** unit_has() - whether a process is in the payload's cgroup of our unit */
bool unit_has(pid_t pid);

/** unit_amend() - what a spec that does not say otherwise means in a unit */
void unit_amend(struct spec *s);
