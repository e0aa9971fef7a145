/* SPDX-License-Identifier: MIT */
#include "supervisor/process-limits.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/error.h"
#include "lib/units.h"
#include "config/limits.h"
#include "supervisor/proc.h"

/*
 * open_files and oom_score of processes that run. A start sets them in the child; a change goes to
 * each process by itself, parents first, so that one that is forked meanwhile inherits it.
 */

/** Processes of one service that are changed. */
#define PIDS_MAX 4096

static int set_open_files(pid_t pid, uint64_t limit)
{
	struct rlimit files;

	/* As in a spec, which has a number for "max". */
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return -errno;
	if (limit != SIZE_INFINITY)
		files.rlim_max = limit;
	files.rlim_cur = files.rlim_max;
	return prlimit(pid, RLIMIT_NOFILE, &files, NULL) < 0 ? -errno : 0;
}

static int set_oom_score(pid_t pid, int score)
{
	cleanup_close int fd = -1;
	char path[48], text[16];
	int len = snprintf(text, sizeof(text), "%d", score);

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 || write(fd, text, (size_t)len) < 0 ? -errno : 0;
}

static bool is_fault(int code)
{
	return code < 0 && code != -ESRCH && code != -ENOENT;
}

static int set_one(pid_t pid, const struct config_limits *l, struct error *err)
{
	const char *what = "open_files";
	int r = l->open_files == LIMIT_UNSET ? 0 : set_open_files(pid, l->open_files);

	if (!is_fault(r) && l->has_oom_score) {
		what = "oom_score";
		r = set_oom_score(pid, l->oom_score);
	}
	if (!is_fault(r))
		return 0;
	return error_set(err, r,
			 "%s of process %d cannot be changed, and holds from its next "
			 "start on: %s",
			 what, (int)pid, strerror(-r));
}

int process_limits_set(pid_t pid, const struct config_limits *limits, struct error *err)
{
	cleanup_free pid_t *pids = NULL;
	size_t n;
	int r = 0;

	if (limits->open_files == LIMIT_UNSET && !limits->has_oom_score)
		return 0;
	pids = calloc(PIDS_MAX, sizeof(*pids));
	if (!pids)
		return error_set(err, -ENOMEM, "out of memory");
	n = proc_tree(pid, pids, PIDS_MAX);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = set_one(pids[i], limits, err);
	return r;
}
