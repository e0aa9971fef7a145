/* SPDX-License-Identifier: MIT */
#include "supervisor/oom-victim.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/text.h"

/*
 * Which process the kernel chose when a service's memory was full. The counters of a cgroup tell
 * that one was killed and not which; the kernel's log does, for whoever may read it.
 *
 * The log is a ring of records, one for each read(2). One that was overwritten while it was being
 * read is skipped. It is read as a whole, which takes the time of a few thousand system calls, and
 * only after such a death.
 */

/* The longest record that the kernel gives (CONSOLE_EXT_LOG_MAX). */
#define RECORD_MAX 8192
/* A record of the kernel's log and the keeper's clock are read at different moments. */
#define SLACK_USEC USEC_PER_SEC

usec_t oom_victim_since(usec_t now_usec, usec_t now_at_usec, usec_t end_at_usec, usec_t uptime_usec)
{
	usec_t end_usec = usec_sub(now_usec, usec_sub(now_at_usec, end_at_usec));

	return usec_sub(end_usec, usec_add(uptime_usec, SLACK_USEC));
}

static const char *find_field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? at + strlen(name) : NULL;
}

/* Whether the path that begins at @path is that of @cgroup or of one below it. */
static bool is_in(const char *path, const char *cgroup)
{
	size_t n = strlen(cgroup);

	if (*path != '/' || strncmp(path + 1, cgroup, n) != 0)
		return false;
	return path[n + 1] == ',' || path[n + 1] == '/';
}

/* What stands last is what it was asked for: before it is the name that a process gave itself. */
static const char *find_last_field(const char *text, const char *name)
{
	const char *found = NULL;

	for (const char *at = text; (at = find_field(at, name));)
		found = at;
	return found;
}

/*
 * The text of a record that the kernel wrote itself; NULL: somebody else did. The number in front
 * is 8 times who wrote it, where the kernel is 0, and how urgent it is.
 */
static const char *text_of(const char *record)
{
	const char *text = strchr(record, ';');

	return strtoul(record, NULL, 10) < 8 ? text : NULL;
}

/* "6,1234,567890,-;…": the third is the time. */
static usec_t time_of(const char *record)
{
	const char *at = strchr(record, ',');

	at = at ? strchr(at + 1, ',') : NULL;
	return at ? strtoull(at + 1, NULL, 10) : 0;
}

bool oom_victim_parse(const char *record, const char *cgroup, usec_t since_usec,
		      char ret[static OOM_VICTIM_MAX])
{
	const char *text = text_of(record);
	const char *path = text ? find_field(text, ",task_memcg=") : NULL;
	const char *task = path ? find_field(path, ",task=") : NULL;
	const char *pid = task ? find_last_field(task, ",pid=") : NULL;

	if (!pid || !text_starts(text, ";oom-kill:") || time_of(record) < since_usec ||
	    !is_in(path, cgroup))
		return false;
	snprintf(ret, OOM_VICTIM_MAX, "%.*s (pid %d)", (int)MIN_OF(pid - 5 - task, 20), task,
		 (int)strtol(pid, NULL, 10));
	return true;
}

bool oom_victim_find(const char *kmsg, const char *cgroup, usec_t since_usec,
		     char ret[static OOM_VICTIM_MAX])
{
	cleanup_close int fd = open(kmsg, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char record[RECORD_MAX];
	bool is_found = false;
	ssize_t n;

	/* In a container it may be a pipe or /dev/null, which end. */
	while (fd >= 0 &&
	       ((n = read(fd, record, sizeof(record) - 1)) > 0 || (n < 0 && errno == EPIPE))) {
		record[MAX_OF(n, 0)] = '\0';
		is_found |= oom_victim_parse(record, cgroup, since_usec, ret);
	}
	return is_found;
}
