/* SPDX-License-Identifier: MIT */
#include "supervisor/delegation.h"

#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "lib/file.h"
#include "lib/text.h"

/*
 * The way to a delegated cgroup, and which part of it is missing on this machine, in words.
 *
 * "Limits not enforced" alone sends a person searching for an hour: a container with a read-only
 * tree, a machine whose controllers belong to cgroup v1 and a shell without a delegated subtree
 * need three different remedies. What is looked at is what a launcher would use: the mount of
 * cgroup v2, our own cgroup in it, the right to write there, and the controllers that it offers.
 */

#define PROC_BYTES_MAX ((size_t)4 * 1024 * 1024)

/* What most limits are about. */
static const char *const wanted[] = {"memory", "cpu", "pids"};

/**
 * struct mount - what mountinfo tells about cgroups
 * @root:       which cgroup is mounted, heap
 * @folder:     where; NULL when cgroup v2 is mounted nowhere; heap
 * @read_only:  the mount
 * @v1:         a controller is mounted as cgroup v1
 */
struct mount {
	char *root;
	char *folder;
	bool read_only;
	bool v1;
};

static void mount_done(struct mount *m)
{
	free(m->root);
	free(m->folder);
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* mountinfo writes blanks and backslashes as \ooo. */
static char *unescaped(const char *s)
{
	char *copy = strdup(s);
	char *to = copy;

	for (const char *from = s; copy && *from; to++) {
		if (from[0] == '\\' && is_octal(from[1]) && is_octal(from[2]) &&
		    is_octal(from[3])) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	if (copy)
		*to = '\0';
	return copy;
}

static void take_cgroup2(struct mount *m, const char *root, const char *folder, const char *options)
{
	if (m->folder)
		return;
	m->root = unescaped(root);
	m->folder = unescaped(folder);
	m->read_only = strcmp(options, "ro") == 0 || text_starts(options, "ro,");
}

/* "ID PARENT MAJOR:MINOR ROOT FOLDER OPTIONS [MORE]... - TYPE SOURCE SUPER_OPTIONS" */
static void take_line(struct mount *m, char *line)
{
	char *fields[6] = {0};
	char *rest = strstr(line, " - ");
	char *next = line;
	char *type;

	if (!rest)
		return;
	*rest = '\0';
	rest += strlen(" - ");
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		fields[i] = strsep(&next, " ");
	type = strsep(&rest, " ");
	if (!fields[5])
		return;
	if (strcmp(type, "cgroup2") == 0)
		take_cgroup2(m, fields[3], fields[4], fields[5]);
	else if (strcmp(type, "cgroup") == 0 && rest && !strstr(rest, "name="))
		m->v1 = true;
}

static int read_mount(const char *proc_self, struct mount *m)
{
	cleanup_free char *path = file_path_join(proc_self, "mountinfo");
	cleanup_free char *text = NULL;
	char *next;
	char *line;

	if (!path)
		return -ENOMEM;
	if (file_read(path, PROC_BYTES_MAX, &text, NULL) < 0)
		return 0;
	next = text;
	while ((line = strsep(&next, "\n")))
		take_line(m, line);
	return 0;
}

/* The folder of our own cgroup v2 below the mount; NULL when it is not to be seen there. */
static char *own_folder(const char *proc_self, const struct mount *m)
{
	cleanup_free char *path = file_path_join(proc_self, "cgroup");
	cleanup_free char *text = NULL;
	const char *own;
	char *folder;
	size_t skip = strcmp(m->root, "/") == 0 ? 0 : strlen(m->root);

	if (!path || file_read(path, PROC_BYTES_MAX, &text, NULL) < 0)
		return NULL;
	own = text_starts(text, "0::") ? text : strstr(text, "\n0::");
	if (!own)
		return NULL;
	own = strchr(own, '/');
	if (!own || strncmp(own, m->root, skip) != 0)
		return NULL;
	own += skip;
	if (asprintf(&folder, "%s%.*s", m->folder, (int)strcspn(own, "\n"), own) < 0)
		return NULL;
	return folder;
}

bool delegation_offers(const char *controllers, const char *controller)
{
	size_t n = strlen(controller);

	for (const char *at = controllers; (at = strstr(at, controller)); at += n) {
		bool begins = at == controllers || at[-1] == ' ';

		if (begins && (at[n] == ' ' || at[n] == '\n' || at[n] == '\0'))
			return true;
	}
	return false;
}

/* Appends the controllers that are not among @offered. Return: how many. */
static size_t add_missing(struct text *t, const char *offered)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		if (delegation_offers(offered, wanted[i]))
			continue;
		text_add(t, n++ > 0 ? ", " : "");
		text_add(t, wanted[i]);
	}
	return n;
}

static bool may_write(const char *folder, const char *name)
{
	cleanup_free char *path = file_path_join(folder, name);

	return path && access(path, W_OK) == 0;
}

/* systemd.exec(5), Delegate=: the manager leaves a unit alone only if it is marked so. */
static bool is_marked(const char *folder)
{
	static const char *const marks[] = {"user.delegate", "trusted.delegate"};
	char value[4];

	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		if (getxattr(folder, marks[i], value, sizeof(value)) == 1 && value[0] == '1')
			return true;
	}
	return false;
}

static bool is_ours(const char *folder, bool is_managed)
{
	return may_write(folder, "") && may_write(folder, "cgroup.procs") &&
	       may_write(folder, "cgroup.subtree_control") && (!is_managed || is_marked(folder));
}

static char *read_controllers(const char *folder)
{
	cleanup_free char *path = folder ? file_path_join(folder, "cgroup.controllers") : NULL;
	char *offered = NULL;

	if (path && file_read(path, PROC_BYTES_MAX, &offered, NULL) == 0)
		offered[strcspn(offered, "\n")] = '\0';
	return offered;
}

/* Nothing is added when nothing is missing. */
static void add_reason(struct text *t, const struct mount *m, const struct delegation *d,
		       bool is_managed)
{
	cleanup_text struct text missing = {0};

	add_missing(&missing, d->controllers ? d->controllers : "");
	if (!m->folder)
		text_add(t, "cgroup v2 is not mounted here");
	else if (m->v1 && missing.len > 0)
		text_add(t, "the controllers belong to cgroup v1 on this machine (boot it with "
			    "systemd.unified_cgroup_hierarchy=1)");
	else if (!d->folder || !d->controllers)
		text_addf(t, "our own cgroup is not to be seen below \"%s\"", m->folder);
	else if (m->read_only)
		text_addf(t, "\"%s\" is mounted read-only", m->folder);
	else if (!is_ours(d->folder, is_managed))
		text_addf(t, "the cgroup \"%s\" is not delegated to us", d->folder);
	else if (missing.len > 0)
		text_addf(t, "the cgroup \"%s\" lacks the controllers %s", d->folder, missing.data);
}

static int make_note(struct delegation *d, const struct mount *m, bool is_managed)
{
	cleanup_text struct text reason = {0};

	add_reason(&reason, m, d, is_managed);
	if (reason.failed)
		return -ENOMEM;
	if (reason.len == 0)
		return 0;
	return asprintf(&d->note, "limits not enforced: %s", reason.data) < 0 ? -ENOMEM : 0;
}

/* Where our predecessor put us is below the folder that was delegated. */
static void leave_leaf(char *folder)
{
	size_t len = strlen(folder), leaf = strlen("/" DELEGATION_LEAF);

	if (len >= leaf && strcmp(folder + len - leaf, "/" DELEGATION_LEAF) == 0)
		folder[len - leaf] = '\0';
	else if (len > 1 && folder[len - 1] == '/')
		folder[len - 1] = '\0';
}

/* A subtree that can cap nothing, as beside cgroup v1, is left alone. */
static bool is_useful(const char *offered)
{
	cleanup_text struct text missing = {0};

	return add_missing(&missing, offered) < ARRAY_LEN(wanted);
}

static void forget_folder(struct delegation *d)
{
	free(steal_ptr(d->folder));
	free(steal_ptr(d->name));
	free(steal_ptr(d->controllers));
}

static int find(const struct mount *m, const char *proc_self, bool is_managed, struct delegation *d)
{
	bool is_usable;
	int r;

	if (m->folder && m->root)
		d->folder = own_folder(proc_self, m);
	if (d->folder)
		leave_leaf(d->folder);
	d->controllers = read_controllers(d->folder);
	r = make_note(d, m, is_managed);
	is_usable = m->folder && d->folder && d->controllers && !m->read_only &&
		    is_useful(d->controllers) && is_ours(d->folder, is_managed);
	if (r < 0 || !is_usable) {
		forget_folder(d);
		return r;
	}
	d->name = strdup(d->folder + strlen(m->folder) +
			 (d->folder[strlen(m->folder)] == '/' ? 1 : 0));
	return d->name ? 0 : -ENOMEM;
}

int delegation_find(const char *proc_self, bool is_managed, struct delegation *ret)
{
	cleanup(mount_done) struct mount m = {0};
	struct delegation d = {0};
	int r = read_mount(proc_self, &m);

	if (r == 0)
		r = find(&m, proc_self, is_managed, &d);
	if (r < 0) {
		delegation_done(&d);
		return r;
	}
	*ret = d;
	return 0;
}

void delegation_done(struct delegation *d)
{
	forget_folder(d);
	free(steal_ptr(d->note));
}
