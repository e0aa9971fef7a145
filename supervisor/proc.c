/* SPDX-License-Identifier: MIT */

/*
 * The few things that only /proc tells. A process may be gone by the time it is looked at: then it
 * counts as nothing, and that is the truth.
 */

#include "supervisor/proc.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/process.h"

/** Bytes of smaps_rollup. */
#define READ_MAX 4096

uint64_t proc_pss_bytes(pid_t pid)
{
	char path[64];
	char buf[READ_MAX];
	cleanup_close int fd = -1;
	const char *line;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);
	if (n <= 0)
		return 0;
	buf[n] = '\0';
	line = strstr(buf, "\nPss:");
	return line ? strtoull(line + strlen("\nPss:"), NULL, 10) * 1024 : 0;
}

bool proc_is_outdated(pid_t pid)
{
	static const char gone[] = " (deleted)";
	char path[64];
	char program[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	n = readlink(path, program, sizeof(program));
	return n > (ssize_t)strlen(gone) && (size_t)n < sizeof(program) &&
	       memcmp(program + n - strlen(gone), gone, strlen(gone)) == 0;
}

uint64_t proc_ram_bytes(void)
{
	return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Appends the children of @pid to @pids; Return: how many are in it then. */
static size_t add_children(pid_t pid, pid_t *pids, size_t n, size_t max)
{
	cleanup_free pid_t *children = NULL;
	size_t n_children = 0;

	if (process_children(pid, &children, &n_children) < 0)
		return n;
	for (size_t i = 0; i < n_children && n < max; i++)
		pids[n++] = children[i];
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
