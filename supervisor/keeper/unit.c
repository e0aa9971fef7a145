/* SPDX-License-Identifier: MIT */

/*
 * The unit of systemd whose main process the keeper is.
 *
 * The manager gives a unit one cgroup, with the limits on it, and with User= and Delegate= it gives
 * that cgroup to the user. Both would be the end of the keeper's authority: who may write
 * cgroup.procs moves himself out of the cgroup that a sweep kills, or moves the keeper into it. So
 * the files are taken back before each start; each process that the manager starts in the unit is
 * an occasion on which it gives them away again.
 *
 * The payload gets a cgroup below, and no controller is ever enabled for it: once one is, the
 * kernel allows no process in the unit's own cgroup any more, and a keeper that was killed could
 * not be started again.
 */

#include "supervisor/keeper/unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "supervisor/keeper/spec.h"
#include "supervisor/keeper/text.h"

#define TREE "/sys/fs/cgroup"
#define LINE "0::"
#define CONTROL "/.control"
/* How much sooner than its keeper a program is to be chosen where no score can be lowered. */
#define OOM_SCORE_ABOVE 300
#define OOM_SCORE_MAX 1000

/* A file of /proc with room for one path in it. */
#define FILE_MAX (UNIT_PATH_MAX + 1024)

static int read_file(const char *path, char text[static FILE_MAX])
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, FILE_MAX - 1);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	return 0;
}

static const char *find_line(const char *text)
{
	while (*text) {
		const char *path = text_starts(text, LINE);

		if (path)
			return path;
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return NULL;
}

int unit_find(const char *text, char ret_path[static UNIT_PATH_MAX])
{
	const char *path = find_line(text);
	size_t len = path ? strcspn(path, "\n") : 0, control = sizeof(CONTROL) - 1;

	if (len == 0)
		return -ENODATA;
	if (len >= UNIT_PATH_MAX)
		return -ENAMETOOLONG;
	if (len > control && memcmp(path + len - control, CONTROL, control) == 0)
		len -= control;
	memcpy(ret_path, path, len);
	ret_path[len] = '\0';
	return 0;
}

static int find_own(char ret_path[static UNIT_PATH_MAX])
{
	char text[FILE_MAX] = "";
	int r = read_file("/proc/self/cgroup", text);

	return r < 0 ? r : unit_find(text, ret_path);
}

int unit_open(void)
{
	char path[UNIT_PATH_MAX], folder[sizeof(TREE) + UNIT_PATH_MAX];
	int r = find_own(path), fd;

	if (r < 0)
		return r;
	text_format(folder, sizeof(folder), TREE "%s", path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int unit_claim(int folder)
{
	/* What the kernel says is delegated: /sys/kernel/cgroup/delegate. */
	static const char *const names[] = {
		"cgroup.procs",     "cgroup.threads", "cgroup.subtree_control",
		"memory.oom.group", "memory.reclaim",
	};

	if (geteuid() != 0)
		return 0;
	if (fchown(folder, 0, 0) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (fchownat(folder, names[i], 0, 0, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

bool unit_has(pid_t pid)
{
	char unit[UNIT_PATH_MAX], text[FILE_MAX] = "", file[32];
	const char *path;

	text_format(file, sizeof(file), "/proc/%d/cgroup", pid);
	if (find_own(unit) < 0 || read_file(file, text) < 0)
		return false;
	path = find_line(text);
	path = path ? text_starts(path, unit) : NULL;
	path = path ? text_starts(path, "/" UNIT_PAYLOAD) : NULL;
	return path && (*path == '\n' || *path == '/');
}

static int own_oom_score(void)
{
	char text[FILE_MAX] = "";
	const char *digits = text;
	int score = 0;

	if (read_file("/proc/self/oom_score_adj", text) < 0)
		return 0;
	for (; *digits >= '0' && *digits <= '9'; digits++)
		score = score * 10 + (*digits - '0');
	return score;
}

void unit_amend(struct spec *s)
{
	s->cgroup = UNIT_PAYLOAD;
	if (s->oom_score >= -1000)
		return;
	s->oom_score =
		geteuid() == 0 ? 0 : MIN_OF(own_oom_score() + OOM_SCORE_ABOVE, OOM_SCORE_MAX);
}
