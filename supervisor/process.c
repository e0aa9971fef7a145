/* SPDX-License-Identifier: MIT */
#include "supervisor/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>

#include "lib/clock.h"
#include "lib/file.h"

/*
 * Processes that are not ours to wait for, seen through /proc.
 *
 * A pid is a number that the kernel gives out again, so it is never signalled as such. The process
 * is held by a pidfd first and its start time read afterwards: if that is the expected one, the
 * descriptor is of the expected process, because two processes that had the same number did not
 * begin in the same tick. Holding a pidfd of each process instead would be simpler and would end
 * with the descriptors used up by just the fork bomb that is to be killed.
 */

/** Bytes of one list of children: 100,000 of them. */
#define CHILDREN_BYTES_MAX ((size_t)1024 * 1024)

/* Numbers of the fields of /proc/PID/stat, as proc(5) counts them. */
#define STAT_PARENT 4
#define STAT_START 22

/* What /proc answers for a process that is not there, or why nothing could be asked. */
static int gone_or_errno(void)
{
	return errno == ENOENT ? -ESRCH : -errno;
}

/* The number of field @number of /proc/PID/stat, where @fields begins with field @first. */
static bool field(const char *fields, int first, int number, uint64_t *ret_value)
{
	char *end;

	for (; first < number && fields; first++) {
		fields = strchr(fields, ' ');
		fields = fields ? fields + 1 : NULL;
	}
	if (!fields)
		return false;
	*ret_value = strtoull(fields, &end, 10);
	return end != fields;
}

int process_get(pid_t pid, struct process *ret_process)
{
	char path[32];
	char stat[512];
	cleanup_close int fd = -1;
	const char *name_end;
	uint64_t parent;
	uint64_t start;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return gone_or_errno();
	n = read(fd, stat, sizeof(stat) - 1);
	if (n <= 0)
		return -ESRCH;
	stat[n] = '\0';
	/* "PID (NAME) STATE PPID …": the name may hold anything, so the last ")" ends it. */
	name_end = strrchr(stat, ')');
	if (!name_end || !field(name_end, 2, STAT_PARENT, &parent) ||
	    !field(name_end, 2, STAT_START, &start))
		return -ESRCH;
	*ret_process = (struct process){.pid = pid, .parent = (pid_t)parent, .start = start};
	return 0;
}

/* Return: pidfd of exactly this process, -ESRCH when it is gone, or another negative errno. */
static int hold(const struct process *p)
{
	cleanup_close int pidfd = pidfd_open(p->pid, 0);
	struct process now = {0};
	int r;

	if (pidfd < 0)
		return -errno;
	r = process_get(p->pid, &now);
	if (r < 0)
		return r;
	return now.start == p->start ? steal_fd(&pidfd) : -ESRCH;
}

int process_signal(const struct process *p, int signo)
{
	cleanup_close int pidfd = hold(p);

	if (pidfd < 0)
		return pidfd;
	return pidfd_send_signal(pidfd, signo, NULL, 0) < 0 ? -errno : 0;
}

int process_wait(const struct process *p, usec_t deadline_usec)
{
	cleanup_close int pidfd = hold(p);
	struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
	int n;

	if (pidfd < 0)
		return pidfd == -ESRCH ? 0 : pidfd;
	do {
		usec_t left_usec = usec_sub(deadline_usec, clock_now_usec());
		usec_t left_msec = (left_usec + USEC_PER_MSEC - 1) / USEC_PER_MSEC;

		n = poll(&poll_fd, 1, (int)MIN_OF(left_msec, (usec_t)INT32_MAX));
	} while (n < 0 && errno == EINTR);
	return n == 1 ? 0 : -ETIMEDOUT;
}

/* Appends the numbers in the text of one /proc/PID/task/TID/children. */
static int add_numbers(const char *text, pid_t **pids, size_t *n, size_t *room)
{
	char *end;

	for (;;) {
		long pid = strtol(text, &end, 10);

		if (end == text)
			return 0;
		text = end;
		if (*n == *room) {
			size_t wanted = *room ? *room * 2 : 64;
			pid_t *grown = reallocarray(*pids, wanted, sizeof(*grown));

			if (!grown)
				return -ENOMEM;
			*pids = grown;
			*room = wanted;
		}
		(*pids)[(*n)++] = (pid_t)pid;
	}
}

static void close_folder(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

int process_children(pid_t pid, pid_t **ret_pids, size_t *ret_n)
{
	cleanup(close_folder) DIR *tasks = NULL;
	cleanup_free pid_t *pids = NULL;
	struct dirent *task;
	char path[64];
	size_t room = 0;
	size_t n = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	if (!tasks)
		return gone_or_errno();
	while ((task = readdir(tasks))) {
		cleanup_free char *text = NULL;
		int r;

		if (task->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.11s/children", pid, task->d_name);
		r = file_read(path, CHILDREN_BYTES_MAX, &text, NULL);
		if (r == 0)
			r = add_numbers(text, &pids, &n, &room);
		/* A thread may end while we look. */
		if (r < 0 && r != -ENOENT && r != -ESRCH)
			return r;
	}
	*ret_pids = steal_ptr(pids);
	*ret_n = n;
	return 0;
}
