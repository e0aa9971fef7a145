/* SPDX-License-Identifier: MIT */

/*
 * The payload's cgroup: a folder without controllers that exists to kill and to count. The limits,
 * and so the counters of memory and tasks, are one level up, on the unit; where the payload's own
 * folder has no such file the parent's is read. All files are opened when they are needed: an open
 * one holds a page of the kernel, and a keeper is idle nearly always.
 */

#include "supervisor/keeper/cgroup.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "supervisor/keeper/text.h"

void cgroup_init(struct cgroup *c)
{
	*c = (struct cgroup){.base = AT_FDCWD, .dir = -1, .events = -1};
}

int cgroup_open(struct cgroup *c, const char *path)
{
	if (!path || c->dir >= 0)
		return 0;
	if (mkdirat(c->base, path, 0755) == 0)
		c->is_made = true;
	else if (errno != EEXIST)
		return -errno;
	c->dir = openat(c->base, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return c->dir < 0 ? -errno : 0;
}

void cgroup_remove(const struct cgroup *c, const char *path)
{
	if (c->is_made)
		(void)unlinkat(c->base, path, AT_REMOVEDIR);
}

void cgroup_close(struct cgroup *c)
{
	close_fd(&c->dir);
	close_fd(&c->events);
	c->is_late = false;
}

static int write_file(const struct cgroup *c, const char *name, const char *text)
{
	cleanup_close int fd = -1;

	if (c->dir < 0)
		return 0;
	fd = openat(c->dir, name, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

int cgroup_kill(const struct cgroup *c)
{
	return write_file(c, "cgroup.kill", "1");
}

int cgroup_thaw(struct cgroup *c)
{
	int r = c->is_frozen ? write_file(c, "cgroup.freeze", "0") : 0;

	c->is_frozen = c->is_frozen && r < 0;
	return r;
}

int cgroup_enter(const struct cgroup *c)
{
	return write_file(c, "cgroup.procs", "0");
}

/* The number behind @key in a file of "key number" lines, or the file's one number. */
static uint64_t find_number(const char *text, const char *key)
{
	uint64_t number = 0;

	for (const char *line = text; *line;) {
		const char *value = text_starts(line, key);

		if (value) {
			for (value += *value == ' '; *value >= '0' && *value <= '9'; value++)
				number = number * 10 + (uint64_t)(*value - '0');
			return number;
		}
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return 0;
}

#define FILE_BYTES_MAX 1024

/* A file without lines when it cannot be read. */
static void read_file(int fd, char text[static FILE_BYTES_MAX])
{
	ssize_t n = pread(fd, text, FILE_BYTES_MAX - 1, 0);

	text[MAX_OF(n, 0)] = '\0';
}

static uint64_t read_number(int fd, const char *key)
{
	char text[FILE_BYTES_MAX];

	read_file(fd, text);
	return find_number(text, key);
}

static uint64_t read_counter(const struct cgroup *c, const char *name, const char *key)
{
	cleanup_close int fd = openat(c->dir, name, O_RDONLY | O_CLOEXEC);
	char above[64];

	if (fd < 0) {
		text_format(above, sizeof(above), "../%s", name);
		fd = openat(c->dir, above, O_RDONLY | O_CLOEXEC);
	}
	return fd < 0 ? 0 : read_number(fd, key);
}

bool cgroup_is_empty(struct cgroup *c)
{
	char text[FILE_BYTES_MAX] = "";
	bool is_empty;

	if (c->dir < 0)
		return true;
	if (c->events < 0)
		c->events = openat(c->dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
	/* Without the file the folder itself is gone, and everybody in it. */
	if (c->events >= 0)
		read_file(c->events, text);
	is_empty = find_number(text, "populated") == 0;
	c->is_frozen = find_number(text, "frozen") != 0;
	if (is_empty)
		close_fd(&c->events);
	return is_empty;
}

static void read_counters(const struct cgroup *c, struct cgroup_counters *ret)
{
	ret->oom_kills = read_counter(c, "memory.events", "oom_kill ");
	ret->tasks_denied = read_counter(c, "pids.events", "max");
	ret->throttled_usec = read_counter(c, "cpu.stat", "throttled_usec");
	ret->memory_peak_bytes = read_counter(c, "memory.peak", "");
}

void cgroup_begin_life(struct cgroup *c)
{
	if (c->dir >= 0)
		read_counters(c, &c->seen);
}

void cgroup_end_life(const struct cgroup *c, struct cgroup_counters *ret_counters)
{
	*ret_counters = (struct cgroup_counters){0};
	if (c->dir < 0)
		return;
	read_counters(c, ret_counters);
	ret_counters->oom_kills -= MIN_OF(c->seen.oom_kills, ret_counters->oom_kills);
	ret_counters->tasks_denied -= MIN_OF(c->seen.tasks_denied, ret_counters->tasks_denied);
	ret_counters->throttled_usec -=
		MIN_OF(c->seen.throttled_usec, ret_counters->throttled_usec);
}
