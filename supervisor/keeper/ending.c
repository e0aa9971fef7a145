/* SPDX-License-Identifier: MIT */

/*
 * The end of a unit, seen from beside it. With KillMode=process the manager ends the keeper and
 * nobody else, as it must, or a keeper's death would be the program's. So when the keeper is gone,
 * however that came, somebody has to decide whether the program is to go too, and do it: the
 * process that the manager runs after each end of the main process (ExecStopPost=).
 *
 * The manager does not tell it whether somebody wants the unit stopped or whether it is about to
 * start another keeper. The result alone does not say it either: a keeper that is killed in the
 * middle of an orderly stop ends as one that is killed out of the blue. So a stop leaves a mark
 * first (ExecStop=, which the manager runs for no other reason).
 *
 * Both give the unit's cgroup to its user for an instant, because the manager does so for each
 * process that it starts there. What the program may have done in that instant is made up for: any
 * folder below the unit's is swept, and the unit's own processes, not only the payload's.
 */

#include "supervisor/keeper/ending.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#include "supervisor/keeper/cgroup.h"
#include "supervisor/keeper/clock.h"
#include "supervisor/keeper/machine.h"
#include "supervisor/keeper/reserve.h"
#include "supervisor/keeper/revival.h"
#include "supervisor/keeper/say.h"
#include "supervisor/keeper/text.h"
#include "supervisor/keeper/unit.h"

#define MARK_SUFFIX ".stop"
/* After so long without news it is looked again. */
#define PAUSE_MSEC 100

struct entry {
	uint64_t inode;
	int64_t offset;
	uint16_t bytes;
	uint8_t type;
	char name[];
};

enum {
	TYPE_FOLDER = 4, /* DT_DIR, which is in a header that wants a heap */
};

static const char *mark_path(const char *control)
{
	text_format(reserve.path, sizeof(reserve.path), "%s" MARK_SUFFIX, control);
	return reserve.path;
}

/* In the instant before, the unit's folder was the user's. */
static int claim(void)
{
	cleanup_close int unit = unit_open();

	return unit < 0 ? unit : unit_claim(unit);
}

int ending_mark(const char *control)
{
	const char *path = mark_path(control);
	cleanup_close int fd =
		open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600);
	int r = fd < 0 ? -errno : 0;

	if (r < 0)
		say("cannot leave the mark '%s': %s", path, strerror(-r));
	ignore_result(claim());
	return r;
}

int ending_unmark(const char *control)
{
	return unlink(mark_path(control)) < 0 && errno != ENOENT ? -errno : 0;
}

/* A process that dies tells by its pidfd, without being our child. */
static void kill_one(pid_t pid)
{
	struct pollfd dead = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};

	(void)kill(pid, SIGKILL);
	if (dead.fd >= 0)
		(void)poll(&dead, 1, PAUSE_MSEC);
	close_fd(&dead.fd);
}

/* Kill who is in the unit's own cgroup, but us. Return: how many. */
static unsigned kill_own(int unit)
{
	cleanup_close int fd = openat(unit, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	char text[4096];
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text));
	unsigned n_killed = 0;
	pid_t pid = 0;

	for (ssize_t i = 0; i < n; i++) {
		if (text[i] != '\n') {
			pid = pid * 10 + (text[i] - '0');
			continue;
		}
		if (pid > 0 && pid != getpid()) {
			kill_one(pid);
			n_killed++;
		}
		pid = 0;
	}
	return n_killed;
}

/* Return: 1 when somebody was there, 0 when not. */
static unsigned kill_folder(int unit, const char *name)
{
	cleanup_close int dir = openat(unit, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct cgroup c = {.dir = dir, .events = -1};
	struct pollfd change = {.events = POLLPRI};
	unsigned n = 0;

	if (dir >= 0 && !cgroup_is_empty(&c)) {
		ignore_result(cgroup_kill(&c));
		change.fd = c.events;
		if (!cgroup_is_empty(&c))
			(void)poll(&change, 1, PAUSE_MSEC);
		n = 1;
	}
	close_fd(&c.events);
	return n;
}

/* Where we are ourselves, and where the list begins. */
static bool is_passed_over(const char *name)
{
	return strcmp(name, ".control") == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static unsigned kill_folders(int unit)
{
	cleanup_close int fd = openat(unit, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	union {
		struct entry first;
		char bytes[4096];
	} entries;
	unsigned n_found = 0;
	long n;

	while (fd >= 0 && (n = syscall(SYS_getdents64, fd, &entries, sizeof(entries))) > 0) {
		for (long at = 0; at < n;) {
			const struct entry *entry = (const void *)(entries.bytes + at);

			if (entry->type == TYPE_FOLDER && !is_passed_over(entry->name))
				n_found += kill_folder(unit, entry->name);
			at += entry->bytes;
		}
	}
	return n_found;
}

static int sweep(int unit)
{
	usec_t end_usec = usec_add(clock_usec(CLOCK_MONOTONIC), MACHINE_SWEEP_USEC);

	while (kill_own(unit) + kill_folders(unit) > 0) {
		if (clock_usec(CLOCK_MONOTONIC) >= end_usec)
			return -EBUSY;
	}
	return 0;
}

int ending_sweep(const char *control)
{
	const char *result = getenv("SERVICE_RESULT");
	bool is_marked = access(mark_path(control), F_OK) == 0;
	cleanup_close int unit = -1;
	int r;

	if (!result) {
		say("--unit-stopped is for ExecStopPost= of a unit: there is no SERVICE_RESULT");
		return -EINVAL;
	}
	unit = unit_open();
	if (unit < 0) {
		say("cannot open the cgroup of the unit: %s", strerror(-unit));
		return unit;
	}
	r = unit_claim(unit);
	if (revival_follows(result, getenv("EXIT_STATUS"), is_marked))
		return r;
	r = sweep(unit);
	if (r < 0)
		say("not all processes of the unit could be killed");
	ignore_result(ending_unmark(control));
	(void)unlink(control);
	return r;
}
