/* SPDX-License-Identifier: MIT */
#include "lib/transit.h"

#include <fcntl.h>
#include <stdio.h>

/*
 * Transits: the collector takes what a pipe holds through a second one.
 *
 * splice(2) into a file keeps its pipe locked for as long as the disk makes it wait, and whoever
 * writes into that pipe waits as well, O_NONBLOCK or not, and cannot be killed. So what somebody
 * prints is moved from pipe to pipe first, which is a matter of memory, and then the transit alone
 * is locked. It is kept by whoever keeps the first pipe: a collector that dies on the way leaves to
 * its successor what is in it.
 *
 * A pipe that is opened by its name below /proc may be opened for both, which makes one descriptor
 * of two.
 */

int transit_new(void)
{
	cleanup_close int out = -1;
	cleanup_close int in = -1;
	char path[32];
	int ends[2], fd;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	out = ends[0];
	in = ends[1];
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", out);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}
