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

#include "supervisor/numbers.h"
#include "supervisor/process.h"

/** Bytes of smaps_rollup. */
#define READ_MAX 4096

/* The beginning of /proc/PID/FILE. Return: whether there is any. */
static bool read_start(pid_t pid, const char *file, char *buf, size_t size)
{
	char path[64];
	cleanup_close int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buf, size - 1);
	if (n <= 0)
		return false;
	buf[n] = '\0';
	return true;
}

uint64_t proc_pss_bytes(pid_t pid)
{
	char buf[READ_MAX];
	const char *line;

	if (!read_start(pid, "smaps_rollup", buf, sizeof(buf)))
		return 0;
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

size_t proc_tree(pid_t pid, pid_t *pids, size_t max)
{
	size_t n = 1;

	pids[0] = pid;
	for (size_t i = 0; i < n; i++)
		n = add_children(pids[i], pids, n, max);
	return n;
}

size_t proc_kept(pid_t keeper, pid_t main, pid_t *pids, size_t max)
{
	size_t n = proc_tree(keeper, pids, max);

	/* What a keeper that was killed has left is no child of the one that has followed. */
	if (n == 1)
		return proc_tree(main, pids, max);
	memmove(pids, pids + 1, (n - 1) * sizeof(pids[0]));
	return n - 1;
}

/** struct usage - of several processes */
struct usage {
	uint64_t ticks;
	uint64_t threads;
	uint64_t own_pages;
	uint64_t shared_pages;
};

/* Numbers in /proc/PID/stat as proc(5) counts them, from the one behind the name on. */
#define STAT_FIRST 3
#define STAT_UTIME 14
#define STAT_CSTIME 17
#define STAT_THREADS 20

static bool add_stat(pid_t pid, struct usage *u)
{
	char stat[512];
	char *next;
	char *word;

	if (!read_start(pid, "stat", stat, sizeof(stat)) || !(next = strrchr(stat, ')')))
		return false;
	next += strlen(") ");
	for (int field = STAT_FIRST; (word = strsep(&next, " ")) && field <= STAT_THREADS;
	     field++) {
		if (field >= STAT_UTIME && field <= STAT_CSTIME)
			u->ticks += strtoull(word, NULL, 10);
		if (field == STAT_THREADS)
			u->threads += strtoull(word, NULL, 10);
	}
	return true;
}

/* "SIZE RESIDENT SHARED …" */
static void add_statm(pid_t pid, struct usage *u)
{
	char statm[128];
	char *end;
	uint64_t resident;
	uint64_t shared;

	if (!read_start(pid, "statm", statm, sizeof(statm)))
		return;
	(void)strtoull(statm, &end, 10);
	resident = strtoull(end, &end, 10);
	shared = strtoull(end, &end, 10);
	u->own_pages += resident > shared ? resident - shared : 0;
	u->shared_pages = MAX_OF(u->shared_pages, shared);
}

void proc_measure(const pid_t *pids, size_t n, struct numbers *ret)
{
	uint64_t tick_usec = USEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK);
	uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	struct usage u = {0};

	numbers_clear(ret);
	for (size_t i = 0; i < n; i++) {
		if (add_stat(pids[i], &u))
			add_statm(pids[i], &u);
	}
	if (u.threads == 0)
		return;
	ret->value[NUMBER_CPU_USEC] = u.ticks * tick_usec;
	ret->value[NUMBER_MEMORY_BYTES] = (u.own_pages + u.shared_pages) * page_bytes;
	ret->value[NUMBER_TASKS] = u.threads;
}
