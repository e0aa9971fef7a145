/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "supervisor/cgroup-text.h"

struct numbers;

/**
 * struct meter - the files of one cgroup, kept open
 * @fds: -1 where the cgroup has no such file
 */
struct meter {
	int folder;
	int fds[CGROUP_FILE_RARE];
};

/** meter_init() - one that is closed */
void meter_init(struct meter *m);

/**
 * meter_open() - open the files of a cgroup
 * @at:     folder that @path begins at, as for openat(2)
 * @path:   of the cgroup's folder
 *
 * Return: 0, -ENOENT when there is no such cgroup, negative errno; then the meter is closed.
 */
must_check int meter_open(struct meter *m, int at, const char *path);

/** meter_close() - close them; one that is closed is allowed */
void meter_close(struct meter *m);

/** meter_is_open() - whether there is something to read */
bool meter_is_open(const struct meter *m);

/**
 * meter_read() - read what changes all the time; at_usec is the caller's
 * @n: numbers that the cgroup does not have stay as they are
 *
 * Return: 0, -ENODEV when the cgroup is gone.
 */
must_check int meter_read(const struct meter *m, struct numbers *n);

/** meter_read_rare() - read the peak and the limits, which take an open(2) each */
void meter_read_rare(const struct meter *m, struct numbers *n);
