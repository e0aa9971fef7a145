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

/* The limits, and so the counters, may be one folder above, and all files of a controller are where
 * it is; only cpu.stat is everywhere, and says everywhere but there how much was used. */
static void read_of_controller(const struct cgroup *c, const char *controller, const char *name,
			       char text[static FILE_BYTES_MAX])
{
	bool is_here = faccessat(c->dir, controller, F_OK, 0) == 0;
	cleanup_close int fd = -1;
	char path[64];

	text_format(path, sizeof(path), "%s%s", is_here ? "" : "../", name);
	fd = openat(c->dir, path, O_RDONLY | O_CLOEXEC);
	text[0] = '\0';
	if (fd >= 0)
		read_file(fd, text);
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
	char text[FILE_BYTES_MAX];

	read_of_controller(c, "memory.events", "memory.events", text);
	ret->oom_kills = find_number(text, "oom_kill ");
	ret->oom_hits = find_number(text, "oom ");
	ret->high_hits = find_number(text, "high ");
	ret->max_hits = find_number(text, "max ");
	read_of_controller(c, "pids.events", "pids.events", text);
	ret->tasks_denied = find_number(text, "max ");
	read_of_controller(c, "memory.events", "memory.peak", text);
	ret->memory_peak_bytes = find_number(text, "");
	read_of_controller(c, "cpu.max", "cpu.stat", text);
	ret->n_throttled = find_number(text, "nr_throttled ");
	ret->throttled_usec = find_number(text, "throttled_usec ");
}

static uint64_t read_max(const struct cgroup *c)
{
	char text[FILE_BYTES_MAX];

	read_of_controller(c, "memory.events", "memory.max", text);
	return find_number(text, "");
}

/* The kernel's peak is that of all lives: unless this one has raised it, it is an earlier one's, or
 * the cap that both of them have met. */
static uint64_t peak_of_life(const struct cgroup *c, const struct cgroup_counters *n)
{
	if (n->memory_peak_bytes > c->seen.memory_peak_bytes)
		return n->memory_peak_bytes;
	return n->oom_hits > 0 ? n->memory_max_bytes : 0;
}

void cgroup_begin_life(struct cgroup *c)
{
	if (c->dir >= 0)
		read_counters(c, &c->seen);
}

/* A counter that has gone back is another one, of a folder that was made anew. */
static void subtract(uint64_t *n, uint64_t seen)
{
	*n -= MIN_OF(seen, *n);
}

void cgroup_end_life(const struct cgroup *c, struct cgroup_counters *ret_counters)
{
	struct cgroup_counters n = {0};

	if (c->dir >= 0) {
		read_counters(c, &n);
		n.memory_max_bytes = read_max(c);
		subtract(&n.oom_kills, c->seen.oom_kills);
		subtract(&n.oom_hits, c->seen.oom_hits);
		n.memory_peak_bytes = peak_of_life(c, &n);
		subtract(&n.high_hits, c->seen.high_hits);
		subtract(&n.max_hits, c->seen.max_hits);
		subtract(&n.tasks_denied, c->seen.tasks_denied);
		subtract(&n.n_throttled, c->seen.n_throttled);
		subtract(&n.throttled_usec, c->seen.throttled_usec);
	}
	*ret_counters = n;
}
