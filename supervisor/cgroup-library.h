/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct cap;
struct error;

/*
 * libcgroup, loaded when limits are to be written or read and not before: without a delegated
 * cgroup nobody pays for it. One for the process, as the library's own tables are.
 */

/**
 * cgroup_library_load() - load libcgroup.so.2 and let it look at the mounts; nothing the next times
 *
 * Return: 0, or negative errno with a text.
 */
must_check int cgroup_library_load(struct error *err);

/**
 * cgroup_library_write() - write limits into a cgroup's files; loaded it must be
 * @name: of the cgroup below the mount of cgroup v2
 * @caps: those with a value are written
 *
 * Return: 0, or negative errno with a text that names the file; those before it are written.
 */
must_check int cgroup_library_write(const char *name, const struct cap *caps, size_t n_caps,
				    struct error *err);

/**
 * cgroup_library_read() - the first line of one of a cgroup's files; loaded it must be
 * @ret: NUL-terminated, without the end of line
 *
 * Return: 0, -ENOENT when the cgroup has no such file, negative errno.
 */
must_check int cgroup_library_read(const char *name, const char *controller, const char *file,
				   char *ret, size_t size);
