/* SPDX-License-Identifier: MIT */
/*
 * What stands between a service and its memory limit: the one question that people without systemd
 * have, and that the kernel answers only to those who can read mountinfo. Pure: texts in, words
 * out.
 */
#include "cli/cgroup-facts.h"

#include <stdio.h>
#include <string.h>

#include "lib/text.h"

#define FIELDS_MAX 16

/* The rest of the line that begins with @prefix, heap; NULL when no line does. */
static char *line_after(const char *text, const char *prefix)
{
	while (text && *text) {
		if (text_starts(text, prefix)) {
			text += strlen(prefix);
			return strndup(text, strcspn(text, "\n"));
		}
		text = strchr(text, '\n');
		text += text != NULL;
	}
	return NULL;
}

/* Whether a line of /proc/self/cgroup binds a controller to v1: "9:memory:/x". */
static bool has_old_controllers(const char *cgroup)
{
	while (cgroup && *cgroup) {
		const char *colon = strchr(cgroup, ':');

		if (colon && colon[1] != ':' && !text_starts(colon + 1, "name="))
			return true;
		cgroup = strchr(cgroup, '\n');
		cgroup += cgroup != NULL;
	}
	return false;
}

/* One line of mountinfo: ID PARENT MAJ:MIN ROOT MOUNTPOINT OPTIONS … - TYPE SOURCE SUPER */
struct mount {
	char *root;
	char *point;
	char *options;
	char *type;
};

static bool mount_parse(char *line, struct mount *ret_mount)
{
	char *fields[FIELDS_MAX];
	char *rest = line;
	size_t n = 0;
	size_t dash;
	char *field;

	while (n < FIELDS_MAX && (field = strsep(&rest, " ")))
		fields[n++] = field;
	for (dash = 6; dash < n && strcmp(fields[dash], "-") != 0; dash++)
		;
	if (dash + 1 >= n)
		return false;
	*ret_mount = (struct mount){fields[3], fields[4], fields[5], fields[dash + 1]};
	return true;
}

/* What is below @root of a mount, or NULL when @path is not. */
static const char *path_below(const char *path, const char *root)
{
	size_t len = strcmp(root, "/") == 0 ? 0 : strlen(root);

	if (strncmp(path, root, len) != 0 || (path[len] != '/' && path[len] != '\0'))
		return NULL;
	return path + len;
}

static int use_mount(struct cgroup_facts *f, const struct mount *m, const char *path)
{
	const char *below = path_below(path, m->root);
	struct text folder = {0};

	f->read_only = text_starts(m->options, "ro,") || strcmp(m->options, "ro") == 0;
	f->outside = !below || text_starts(path, "/..");
	text_add(&folder, m->point);
	if (below && !f->outside && strcmp(below, "/") != 0)
		text_add(&folder, below);
	f->folder = text_take(&folder);
	return f->folder ? 0 : -ENOMEM;
}

int cgroup_facts_read(const char *cgroup, const char *mountinfo, struct cgroup_facts *ret_facts)
{
	cleanup_free char *path = line_after(cgroup, "0::");
	cleanup_free char *copy = strdup(mountinfo);
	struct cgroup_facts f = {.old = has_old_controllers(cgroup)};
	char *rest = copy;
	struct mount mount;
	char *line;
	int code = 0;

	if (!copy)
		return -ENOMEM;
	while (path && !f.folder && code == 0 && (line = strsep(&rest, "\n"))) {
		if (mount_parse(line, &mount) && strcmp(mount.type, "cgroup2") == 0)
			code = use_mount(&f, &mount, path);
	}
	if (code == 0)
		*ret_facts = f;
	return code;
}

void cgroup_facts_done(struct cgroup_facts *f)
{
	free(f->folder);
	f->folder = NULL;
}

const char *cgroup_facts_obstacle(const struct cgroup_facts *f, const char *controllers,
				  bool writable, bool systemd)
{
	if (!f->folder)
		return "cgroup v2 is not mounted here; a container needs its cgroup namespace "
		       "mounted at /sys/fs/cgroup";
	if (f->old && !strstr(controllers, "memory"))
		return "this host keeps its controllers in cgroup v1; boot it with "
		       "systemd.unified_cgroup_hierarchy=1 (the default of Debian 11 and later)";
	if (f->read_only)
		return "cgroup v2 is mounted read-only; start the container with a writable cgroup "
		       "namespace";
	if (f->outside)
		return "our cgroup lies outside of what is mounted here; start the container with "
		       "a "
		       "cgroup namespace of its own";
	if (!writable && systemd)
		return "no cgroup is delegated to us; start slicekeep by systemd with "
		       "Delegate=yes, "
		       "or try: systemd-run --user --scope -p Delegate=yes slicekeep up";
	if (!writable)
		return "we may not write into our cgroup; whoever started us has to delegate it "
		       "(chown its folder)";
	if (!strstr(controllers, "memory"))
		return "our cgroup has no memory controller; whoever started us has to enable it "
		       "in "
		       "the parent's cgroup.subtree_control";
	return NULL;
}
