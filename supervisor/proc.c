/* SPDX-License-Identifier: MIT */

/*
 * The few things that only /proc tells. A process may be gone by the time it is looked at: then it
 * counts as nothing, and that is the truth.
 */

#include "supervisor/proc.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define READ_MAX 4096

/* One read, NUL-terminated; Return: bytes, 0 when there is nothing. */
static size_t read_proc(pid_t pid, const char *file, char *buf, size_t size)
{
	char path[96];
	cleanup_close int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, buf, size - 1);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

uint64_t proc_pss_bytes(pid_t pid)
{
	char buf[READ_MAX];
	uint64_t kb = 0;
	const char *line;

	if (!read_proc(pid, "smaps_rollup", buf, sizeof(buf)))
		return 0;
	line = strstr(buf, "\nPss:");
	if (!line || sscanf(line, "\nPss: %" SCNu64, &kb) != 1)
		return 0;
	return kb * 1024;
}

/* Appends the children of @pid to @pids; Return: how many are in it then. */
static size_t add_children(pid_t pid, pid_t *pids, size_t n, size_t max)
{
	char file[64];
	char buf[READ_MAX];
	char *at = buf;
	char *end;

	snprintf(file, sizeof(file), "task/%d/children", (int)pid);
	if (!read_proc(pid, file, buf, sizeof(buf)))
		return n;
	for (long child; n < max && (child = strtol(at, &end, 10)) > 0; at = end)
		pids[n++] = (pid_t)child;
	return n;
}

size_t proc_count_tree(pid_t pid, size_t max)
{
	cleanup_free pid_t *pids = calloc(max, sizeof(*pids));
	size_t n = 1;

	if (!pids || max == 0)
		return 0;
	pids[0] = pid;
	for (size_t i = 0; i < n; i++)
		n = add_children(pids[i], pids, n, max);
	return n;
}
