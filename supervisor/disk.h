/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/* "4294967295:4294967295" and its end. */
#define DISK_MAX 24

/**
 * disk_of() - the whole disk that holds a path, as io.max wants it
 * @sys:  "/sys"
 * @path: any file or folder
 * @ret:  "MAJOR:MINOR"; "" where no single disk is below it (tmpfs, overlayfs, btrfs, NFS)
 */
void disk_of(const char *sys, const char *path, char ret[DISK_MAX]);

/**
 * disk_has_weights() - whether input and output are shared out by weight there
 * @disk: "MAJOR:MINOR"
 *
 * By the scheduler bfq, or by the kernel's cost model (cgroup-v2.rst, "IO Interface Files"), which
 * somebody must have switched on; with any other scheduler io.weight is taken and ignored.
 */
bool disk_has_weights(const char *sys, const char *disk);
