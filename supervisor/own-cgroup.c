/* SPDX-License-Identifier: MIT */

/*
 * What our own cgroup tells: the unit of systemd that we are part of, and, in the tree of a user,
 * which controllers that user was given. Debian's systemd delegates memory, cpu and pids, and
 * accepts properties of the others in silence, so their absence is said here.
 */

#include "supervisor/own-cgroup.h"

#include <stdio.h>
#include <string.h>

#include "lib/file.h"
#include "lib/text.h"

#define FILE_BYTES_MAX ((size_t)64 * 1024)
#define MOUNT "/sys/fs/cgroup"
#define USER_UNIT "/user@"
#define SERVICE ".service"

/* The line of cgroup v2, "0::/PATH"; heap, or NULL. */
static char *read_path(const char *file)
{
	cleanup_free char *text = NULL;
	const char *line;

	if (file_read(file, FILE_BYTES_MAX, &text, NULL) < 0)
		return NULL;
	line = text_starts(text, "0::") ? text : strstr(text, "\n0::");
	if (!line)
		return NULL;
	line = strchr(line, '/');
	return line ? strndup(line, strcspn(line, "\n")) : NULL;
}

char *own_cgroup_of(pid_t pid)
{
	cleanup_free char *path = NULL;
	char file[64];

	snprintf(file, sizeof(file), "/proc/%d/cgroup", (int)pid);
	path = read_path(file);
	return path ? strdup(path + 1) : NULL;
}

char *own_cgroup_unit(void)
{
	cleanup_free char *path = read_path("/proc/self/cgroup");
	const char *leaf = path ? strrchr(path, '/') : NULL;

	return leaf && text_ends(leaf, SERVICE) ? strdup(leaf + 1) : NULL;
}

static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = words; (at = strstr(at, word)); at += len)
		if ((at == words || at[-1] == ' ') && strchr(" \n", at[len]))
			return true;
	return false;
}

/* The file of the manager's own cgroup, ".../user@1000.service/cgroup.controllers". */
static char *read_controllers(void)
{
	cleanup_free char *path = read_path("/proc/self/cgroup");
	char *manager = path ? strstr(path, USER_UNIT) : NULL;
	char *end = manager ? strstr(manager, SERVICE "/") : NULL;
	cleanup_free char *file = NULL;
	char *text = NULL;

	if (!end)
		return NULL;
	end[strlen(SERVICE)] = '\0';
	if (asprintf(&file, MOUNT "%s/cgroup.controllers", path) < 0)
		return NULL;
	return file_read(file, FILE_BYTES_MAX, &text, NULL) < 0 ? NULL : text;
}

char *own_cgroup_gaps(void)
{
	static const struct {
		const char *controller;
		const char *limits;
	} all[] = {
		{"memory", "memory"},  {"cpu", "cpu_weight, cpu_quota"},
		{"cpuset", "cpus"},    {"io", "io"},
		{"pids", "tasks_max"},
	};
	cleanup_free char *controllers = read_controllers();
	cleanup_text struct text limits = {0}, missing = {0}, note = {0};

	if (!controllers)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if (has_word(controllers, all[i].controller))
			continue;
		text_addf(&limits, "%s%s", limits.len > 0 ? ", " : "", all[i].limits);
		text_addf(&missing, "%s%s", missing.len > 0 ? " " : "", all[i].controller);
	}
	if (missing.len == 0)
		return NULL;
	text_addf(
		&note,
		"limits not enforced: %s; your systemd is not given the controllers %s (Delegate= "
		"of user@.service)",
		limits.data, missing.data);
	return text_take(&note);
}
