/* SPDX-License-Identifier: MIT */
#include "supervisor/cgroup-tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/error.h"
#include "lib/file.h"
#include "lib/text.h"
#include "config/limits.h"
#include "config/model.h"
#include "supervisor/caps.h"
#include "supervisor/cgroup-library.h"
#include "supervisor/cgroup-remove.h"
#include "supervisor/delegation.h"
#include "supervisor/disk.h"
#include "supervisor/run-files.h"

/*
 * Folders are made and removed here; what is written into them goes through libcgroup.
 *
 * A cgroup has processes or controllers for its children, never both (the kernel's rule of no
 * internal processes). So whoever sits in the folder that was delegated to us goes into a leaf
 * first, the shell that called `up` included: all of them are ours by the meaning of delegation,
 * and no limit of theirs changes, as the leaf has none.
 *
 * A cgroup goes away when its folder is removed, and that fails as long as a process is in it. So
 * nothing is removed by the way: whoever finds an instance without a keeper kills what is in its
 * cgroup, and removes it once it is seen empty.
 */

#define OURS "slicekeep"
#define FOLDER_MODE 0755
#define FILE_BYTES_MAX ((size_t)64 * 1024)

struct cgroup_tree {
	char *folder;
	char *name;
	char *controllers;
};

/* --- single files -------------------------------------------------------------------------- */

static int write_text(const char *folder, const char *file, const char *text)
{
	cleanup_free char *path = file_path_join(folder, file);
	cleanup_close int fd = -1;

	if (!path)
		return -ENOMEM;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static int read_text(const char *folder, const char *file, char **ret_text)
{
	cleanup_free char *path = file_path_join(folder, file);

	return path ? file_read(path, FILE_BYTES_MAX, ret_text, NULL) : -ENOMEM;
}

static int make_folder(const char *path, struct error *err)
{
	if (mkdir(path, FOLDER_MODE) == 0 || errno == EEXIST)
		return 0;
	return error_set(err, -errno, "cannot make the cgroup \"%s\": %s", path, strerror(errno));
}

/* --- the way down -------------------------------------------------------------------------- */

/* Each by itself: one that the kernel refuses must not keep us from the others. */
static void enable_controllers(const struct cgroup_tree *t, const char *folder)
{
	cleanup_free char *words = strdup(t->controllers);
	char *next = words;
	char *word;

	while (words && (word = strsep(&next, " "))) {
		cleanup_free char *order = NULL;

		if (*word && asprintf(&order, "+%s", word) >= 0)
			ignore_result(write_text(folder, "cgroup.subtree_control", order));
	}
}

/* Return: how many pids were moved, or negative errno. */
static int move_once(const char *from, const char *to)
{
	cleanup_free char *pids = NULL;
	char *next;
	char *pid;
	int n = 0;
	int r = read_text(from, "cgroup.procs", &pids);

	if (r < 0)
		return r;
	next = pids;
	while ((pid = strsep(&next, "\n"))) {
		if (!*pid)
			continue;
		r = write_text(to, "cgroup.procs", pid);
		if (r < 0 && r != -ESRCH)
			return r;
		n++;
	}
	return n;
}

/* Those who fork while they are moved need another look. */
static int move_all(const char *from, const char *to, struct error *err)
{
	int r;

	do
		r = move_once(from, to);
	while (r > 0);
	if (r < 0)
		return error_set(err, r, "cannot move our processes into the cgroup \"%s\": %s", to,
				 strerror(-r));
	return 0;
}

/* DELEGATED/slicekeep/GROUP, or DELEGATED/slicekeep; heap or NULL. */
static char *group_folder(const struct cgroup_tree *t, const char *group)
{
	char *folder;

	if (asprintf(&folder, "%s/%s%s%s", t->folder, OURS, group ? "/" : "", group ? group : "") <
	    0)
		return NULL;
	return folder;
}

/* With controllers for the instances in it. */
static int make_group(const struct cgroup_tree *t, const char *folder, struct error *err)
{
	int r = make_folder(folder, err);

	if (r == 0)
		enable_controllers(t, folder);
	return r;
}

static int settle_down(const struct cgroup_tree *t, struct error *err)
{
	cleanup_free char *leaf = file_path_join(t->folder, DELEGATION_LEAF);
	cleanup_free char *system = group_folder(t, "system");
	cleanup_free char *ours = group_folder(t, NULL);
	int r;

	if (!leaf || !system || !ours)
		return error_set(err, -ENOMEM, "out of memory");
	r = make_folder(ours, err);
	if (r == 0)
		r = make_folder(system, err);
	if (r == 0)
		r = make_folder(leaf, err);
	if (r == 0)
		r = move_all(t->folder, leaf, err);
	if (r < 0)
		return r;
	enable_controllers(t, t->folder);
	enable_controllers(t, ours);
	enable_controllers(t, system);
	return 0;
}

int cgroup_tree_open(const struct delegation *d, struct cgroup_tree **ret_tree, struct error *err)
{
	struct cgroup_tree *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return error_set(err, -ENOMEM, "out of memory");
	t->folder = strdup(d->folder);
	t->name = strdup(d->name);
	t->controllers = strdup(d->controllers);
	r = t->folder && t->name && t->controllers ? cgroup_library_load(err) : -ENOMEM;
	if (r == 0)
		r = settle_down(t, err);
	if (r < 0) {
		cgroup_tree_free(t);
		return r;
	}
	*ret_tree = t;
	return 0;
}

void cgroup_tree_free(struct cgroup_tree *t)
{
	if (!t)
		return;
	free(t->folder);
	free(t->name);
	free(t->controllers);
	free(t);
}

/* --- limits -------------------------------------------------------------------------------- */

/* What is written: all that the tree can cap, without what already is as it should be. */
static int write_limits(const struct cgroup_tree *t, const char *name,
			const struct config_limits *limits, bool is_new, struct error *err)
{
	struct cap caps[CAPS_N], chosen[CAPS_N];
	char device[DISK_MAX] = "";
	size_t n = 0;

	if (limits->io_path)
		disk_of("/sys", limits->io_path, device);
	caps_of(limits, device[0] ? device : NULL, caps);
	for (size_t i = 0; i < CAPS_N; i++) {
		if (delegation_offers(t->controllers, caps[i].controller) &&
		    (caps[i].is_set || !is_new))
			chosen[n++] = caps[i];
	}
	return cgroup_library_write(name, chosen, n, err);
}

/* @folder is one of ours. */
static const char *library_name(const struct cgroup_tree *t, const char *folder)
{
	return folder + strlen(t->folder) - strlen(t->name);
}

/* One whose limits cannot be had is not left behind to be taken for a finished one. */
static int make_limited(const struct cgroup_tree *t, const char *folder,
			const struct config_limits *limits, struct error *err)
{
	int r;

	if (mkdir(folder, FOLDER_MODE) < 0)
		return errno == EEXIST ? 0
				       : error_set(err, -errno, "cannot make the cgroup \"%s\": %s",
						   folder, strerror(errno));
	r = write_limits(t, library_name(t, folder), limits, true, err);
	if (r < 0)
		(void)rmdir(folder);
	return r;
}

int cgroup_tree_make(struct cgroup_tree *t, const struct cgroup_place *place,
		     const struct config_limits *limits, char **ret_folder, struct error *err)
{
	cleanup_free char *group = group_folder(t, place->group);
	cleanup_free char *folder = NULL;
	int r;

	if (!group || asprintf(&folder, "%s/%s-%u", group, place->name, place->instance) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	r = make_group(t, group, err);
	if (r == 0)
		r = make_limited(t, folder, limits, err);
	if (r == 0)
		*ret_folder = steal_ptr(folder);
	return r;
}

int cgroup_tree_limit_group(struct cgroup_tree *t, const char *group,
			    const struct config_limits *limits, struct error *err)
{
	cleanup_free char *folder = group_folder(t, group);
	int r;

	if (!folder)
		return error_set(err, -ENOMEM, "out of memory");
	r = make_group(t, folder, err);
	return r < 0 ? r : write_limits(t, library_name(t, folder), limits, false, err);
}

/* --- going away ---------------------------------------------------------------------------- */

static int count_lines(const char *folder)
{
	cleanup_free char *pids = NULL;
	int n = 0;

	if (read_text(folder, "cgroup.procs", &pids) < 0)
		return 0;
	for (const char *at = pids; (at = strchr(at, '\n')); at++)
		n++;
	return n;
}

/* Return: how many processes were killed, -EBUSY when they are not gone yet, negative errno. */
static int kill_and_remove(const char *folder)
{
	int n = count_lines(folder);
	int r = cgroup_remove(folder);

	if (r != -EBUSY)
		return r;
	r = write_text(folder, "cgroup.kill", "1");
	if (r == 0)
		r = cgroup_remove(folder);
	return r < 0 ? r : MAX_OF(n, 1);
}

/* --- all instances ------------------------------------------------------------------------- */

/**
 * struct visit - what is done to each instance's cgroup, and what has come of it
 * @act: Return: a number to be added up, or negative errno
 * @n:   sum
 * @worst: the gravest errno, or 0
 */
struct visit {
	int (*act)(const char *folder, const char *name, unsigned instance, struct visit *v);
	int n;
	int worst;
};

static void close_dir(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

static void visit_one(const char *group, const char *file, struct visit *v)
{
	cleanup_free char *folder = file_path_join(group, file);
	char name[CONFIG_NAME_MAX + 1];
	unsigned instance;
	int r;

	if (!run_file_parse(file, "", name, &instance) || text_equal(name, "supervisor"))
		return; /* we are in our own */
	r = folder ? v->act(folder, name, instance, v) : -ENOMEM;
	v->n += MAX_OF(r, 0);
	v->worst = MIN_OF(v->worst, r);
}

static bool is_sub_folder(const struct dirent *entry)
{
	return entry->d_type == DT_DIR && entry->d_name[0] != '.';
}

static void visit_group(const char *ours, const char *name, struct visit *v)
{
	cleanup_free char *group = file_path_join(ours, name);
	cleanup(close_dir) DIR *dir = group ? opendir(group) : NULL;
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (is_sub_folder(entry))
			visit_one(group, entry->d_name, v);
	}
}

/* Return: the sum of what the visits gave, or the gravest error. */
static int visit_all(const struct cgroup_tree *t, struct visit *v)
{
	cleanup_free char *ours = file_path_join(t->folder, OURS);
	cleanup(close_dir) DIR *dir = ours ? opendir(ours) : NULL;
	const struct dirent *entry;

	if (!dir)
		return ours ? -errno : -ENOMEM;
	while ((entry = readdir(dir))) {
		if (is_sub_folder(entry))
			visit_group(ours, entry->d_name, v);
	}
	return v->worst < 0 ? v->worst : v->n;
}

/**
 * struct instance_visit - the visit of one instance; its group may have changed since it was made
 */
struct instance_visit {
	struct visit visit;
	const struct cgroup_tree *tree;
	const char *name;
	unsigned instance;
	const struct config_limits *limits;
	char **ret_name;
	struct error *err;
};

static bool is_meant(const struct instance_visit *i, const char *name, unsigned instance)
{
	return i->instance == instance && strcmp(i->name, name) == 0;
}

static int name_it(const char *folder, const char *name, unsigned instance, struct visit *v)
{
	const struct instance_visit *i = container_of(v, struct instance_visit, visit);

	if (!is_meant(i, name, instance))
		return 0;
	free(*i->ret_name);
	*i->ret_name = strdup(library_name(i->tree, folder));
	return *i->ret_name ? 1 : -ENOMEM;
}

int cgroup_tree_name(struct cgroup_tree *t, const char *name, unsigned instance, char **ret_name)
{
	struct instance_visit i = {
		.visit.act = name_it,
		.tree = t,
		.name = name,
		.instance = instance,
		.ret_name = ret_name,
	};
	int r;

	*ret_name = NULL;
	r = visit_all(t, &i.visit);
	return r == 0 ? -ENOENT : MIN_OF(r, 0);
}

static int limit_it(const char *folder, const char *name, unsigned instance, struct visit *v)
{
	const struct instance_visit *i = container_of(v, struct instance_visit, visit);
	int r;

	if (!is_meant(i, name, instance))
		return 0;
	r = write_limits(i->tree, library_name(i->tree, folder), i->limits, false, i->err);
	return r < 0 ? r : 1;
}

int cgroup_tree_limit(struct cgroup_tree *t, const char *name, unsigned instance,
		      const struct config_limits *limits, struct error *err)
{
	struct instance_visit i = {
		.visit.act = limit_it,
		.tree = t,
		.name = name,
		.instance = instance,
		.limits = limits,
		.err = err,
	};
	int r = visit_all(t, &i.visit);

	if (r == 0)
		return error_set(err, -ENOENT, "\"%s\" has no cgroup", name);
	return r < 0 ? r : 0;
}

static int remove_it(const char *folder, const char *name, unsigned instance, struct visit *v)
{
	const struct instance_visit *i = container_of(v, struct instance_visit, visit);

	return is_meant(i, name, instance) ? kill_and_remove(folder) : 0;
}

int cgroup_tree_remove(struct cgroup_tree *t, const char *name, unsigned instance)
{
	struct instance_visit i = {.visit.act = remove_it, .name = name, .instance = instance};

	return visit_all(t, &i.visit);
}

struct clean_visit {
	struct visit visit;
	cgroup_is_kept *is_kept;
	void *userdata;
};

static int clean_it(const char *folder, const char *name, unsigned instance, struct visit *v)
{
	const struct clean_visit *c = container_of(v, struct clean_visit, visit);

	return c->is_kept(name, instance, c->userdata) ? 0 : kill_and_remove(folder);
}

int cgroup_tree_clean(struct cgroup_tree *t, cgroup_is_kept *is_kept, void *userdata)
{
	struct clean_visit c = {.visit.act = clean_it, .is_kept = is_kept, .userdata = userdata};

	return visit_all(t, &c.visit);
}
