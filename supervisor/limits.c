/* SPDX-License-Identifier: MIT */
#include "supervisor/limits.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/error.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"
#include "lib/units.h"
#include "config/edit.h"
#include "config/load.h"
#include "config/model.h"
#include "supervisor/apply.h"
#include "supervisor/caps.h"
#include "supervisor/cgroup-library.h"
#include "supervisor/disk.h"
#include "supervisor/launcher.h"
#include "supervisor/manager.h"
#include "supervisor/process-limits.h"
#include "supervisor/service-keeper.h"
#include "supervisor/service.h"

/*
 * The limits of one service, looked at and changed.
 *
 * A change is a change of the config like any other, a numbered revision with who and why, that
 * happens to touch nothing but limits: so it survives a restart of the supervisor, shows in a plan,
 * and is undone by the next config that does not have it. Only what is written to the file is meant
 * to stay.
 */

/* What the kernel may know about a limit, beside the limit. */
static const struct row {
	const char *key;
	const char *controller;
	const char *file;
	const char *now;
	const char *peak;
} rows[] = {
	{"memory_min", "memory", "memory.min"},
	{"memory_low", "memory", "memory.low"},
	{"memory_high", "memory", "memory.high"},
	{"memory_max", "memory", "memory.max", "memory.current", "memory.peak"},
	{"swap_max", "memory", "memory.swap.max", "memory.swap.current"},
	{"cpu_weight", "cpu", "cpu.weight"},
	{"cpu_quota", "cpu", "cpu.max"},
	{"cpus", "cpuset", "cpuset.cpus"},
	{"io_weight", "io", "io.weight"},
	{"io_read_max", "io", "io.max"},
	{"io_write_max", "io", "io.max"},
	{"tasks_max", "pids", "pids.max", "pids.current", "pids.peak"},
};

/* --- looking ------------------------------------------------------------------------------- */

static void put(json_t *object, const char *key, const char *value)
{
	if (value[0])
		json_object_set_new(object, key, json_string(value));
}

/* Two limits share a file, and one of them may be set alone. */
static bool is_configured(const struct row *row, const struct config_limits *l)
{
	if (strcmp(row->key, "io_read_max") == 0)
		return l->io_read_max != LIMIT_UNSET;
	return strcmp(row->key, "io_write_max") != 0 || l->io_write_max != LIMIT_UNSET;
}

static void put_configured(json_t *object, const struct row *row,
			   const struct config_limits *limits)
{
	struct cap caps[CAPS_N];
	char words[CAP_VALUE_MAX];

	caps_of(limits, "0:0", caps);
	for (size_t i = 0; i < CAPS_N; i++) {
		if (strcmp(caps[i].file, row->file) != 0 || !caps[i].is_set ||
		    !is_configured(row, limits))
			continue;
		cap_words(row->key, caps[i].value, words);
		put(object, "configured", words);
	}
}

/* Return: whether there is such a file. */
static bool put_read(json_t *object, const char *member, const char *cgroup, const struct row *row,
		     const char *file)
{
	char value[CAP_VALUE_MAX], words[CAP_VALUE_MAX];

	if (!file || cgroup_library_read(cgroup, row->controller, file, value, sizeof(value)) < 0)
		return false;
	cap_words(row->key, value, words);
	put(object, member, words);
	return true;
}

/* The kernel slows down disks, and a folder may lie in memory or behind an overlay. */
static void put_rate_note(json_t *object)
{
	const char *configured = json_get_string(object, "configured");

	if (configured && strcmp(configured, "max") != 0 && !json_get_string(object, "effective"))
		put(object, "note", "not enforced: its folder is on no disk of its own");
}

/* The kernel takes a weight also where nobody looks at it. */
static void put_weight_note(json_t *object, const struct service *s)
{
	char disk[DISK_MAX];

	if (s->process->limits.io_weight == LIMIT_UNSET)
		return;
	disk_of("/sys", s->process->cwd, disk);
	if (!disk[0] || !disk_has_weights("/sys", disk))
		put(object, "note", "not enforced by this disk's scheduler");
}

static json_t *describe_row(const struct row *row, const struct service *s, const char *cgroup)
{
	json_t *object = json_pack("{s:s}", "key", row->key);
	bool is_known = false;

	if (!object)
		return NULL;
	put_configured(object, row, &s->process->limits);
	if (strcmp(row->key, "io_weight") == 0)
		put_weight_note(object, s);
	if (cgroup) {
		is_known = put_read(object, "effective", cgroup, row, row->file);
		put_read(object, "now", cgroup, row, row->now);
		put_read(object, "peak", cgroup, row, row->peak);
	}
	if (is_known && strcmp(row->file, "io.max") == 0)
		put_rate_note(object);
	return object;
}

/* One that was lifted, or that we may not change, is what it was. */
static void put_later_note(json_t *object)
{
	const char *configured = json_get_string(object, "configured");
	const char *effective = json_get_string(object, "effective");

	if (configured && effective && strcmp(configured, "max") != 0 &&
	    strcmp(configured, effective) != 0)
		put(object, "note", "from its next start on");
}

/* Those that no cgroup has: the process has them. */
static json_t *describe_open_files(const struct service *s)
{
	json_t *object = json_pack("{s:s}", "key", "open_files");
	uint64_t limit = s->process->limits.open_files;
	struct rlimit has;
	char text[32];

	if (limit == SIZE_INFINITY)
		put(object, "configured", "max");
	else if (limit != LIMIT_UNSET) {
		snprintf(text, sizeof(text), "%llu", (unsigned long long)limit);
		put(object, "configured", text);
	}
	if (s->snapshot.main_pid > 0 &&
	    prlimit(s->snapshot.main_pid, RLIMIT_NOFILE, NULL, &has) == 0) {
		snprintf(text, sizeof(text), "%llu", (unsigned long long)has.rlim_cur);
		put(object, "effective", text);
	}
	put_later_note(object);
	return object;
}

static json_t *describe_oom_score(const struct service *s)
{
	json_t *object = json_pack("{s:s}", "key", "oom_score");
	cleanup_free char *has = NULL;
	char text[48];

	if (s->process->limits.has_oom_score) {
		snprintf(text, sizeof(text), "%d", s->process->limits.oom_score);
		put(object, "configured", text);
	}
	snprintf(text, sizeof(text), "/proc/%d/oom_score_adj", (int)s->snapshot.main_pid);
	if (s->snapshot.main_pid > 0 && file_read(text, sizeof(text), &has, NULL) == 0) {
		has[strcspn(has, "\n")] = '\0';
		put(object, "effective", has);
	}
	put_later_note(object);
	return object;
}

/* NULL: there is none now. */
static char *find_cgroup(struct manager *m, const struct service *s)
{
	struct launcher *l = m->launcher;
	struct error ignored = {0};
	char *name = NULL;

	if (l->ops->cgroup_name(l, s->process->name, SERVICE_SLOT, &name) < 0 ||
	    cgroup_library_load(&ignored) < 0) {
		free(name);
		return NULL;
	}
	return name;
}

json_t *limits_describe(struct manager *m, const struct service *s)
{
	cleanup_free char *cgroup = find_cgroup(m, s);
	const char *note = m->launcher->ops->limits_note(m->launcher);
	json_t *limits = json_array();

	for (size_t i = 0; limits && i < ARRAY_LEN(rows); i++)
		json_array_append_new(limits, describe_row(&rows[i], s, cgroup));
	json_array_append_new(limits, describe_open_files(s));
	json_array_append_new(limits, describe_oom_score(s));
	return json_pack("{s:o, s:s*}", "limits", limits, "note", note);
}

/* --- changing ------------------------------------------------------------------------------ */

static int change_process(json_t *root, const char *name, const json_t *changes, struct error *err)
{
	json_t *process = edit_find(root, name);
	json_t *limits = json_object_get(process, "limits");
	const char *key;
	json_t *value;
	int code = 0;

	if (!json_is_object(process))
		return error_set(err, -ENOENT, "\"%s\" is not in the config", name);
	if (!limits) {
		limits = json_object();
		code = json_object_set_new(process, "limits", limits);
	}
	json_object_foreach((json_t *)changes, key, value) {
		if (json_is_null(value))
			json_object_del(limits, key);
		else
			code |= json_object_set(limits, key, value);
	}
	if (json_object_size(limits) == 0)
		json_object_del(process, "limits");
	return code < 0 ? error_set(err, -ENOMEM, "out of memory") : 0;
}

/* The text of a config with the change in it; heap. */
static int changed_text(json_t *root, const char *name, const json_t *changes, char **ret_text,
			struct error *err)
{
	int code = root ? change_process(root, name, changes, err)
			: error_set(err, -ENOMEM, "out of memory");

	if (code < 0)
		return code;
	*ret_text = edit_text(root);
	return *ret_text ? 0 : error_set(err, -ENOMEM, "out of memory");
}

/* "FILE:LINE: PLACE: …": the text is ours and lies in no file; the place is what helps. */
static void drop_file(const char *file, struct error *err)
{
	size_t n = strlen(file);
	const char *place = err->text + n + 1;

	if (!text_starts(err->text, file) || err->text[n] != ':')
		return;
	place += strspn(place, "0123456789: ");
	memmove(err->text, place, strlen(place) + 1);
}

static int apply_change(struct manager *m, const char *name, const struct limits_change *change,
			struct error *err)
{
	cleanup_json json_t *root = config_source(m->config);
	cleanup_json json_t *reply = NULL;
	cleanup_free char *text = NULL;
	char why[96];
	struct apply_request request = {.who = change->who, .why = why};
	int code = changed_text(root, name, change->limits, &text, err);

	snprintf(why, sizeof(why), "limits of %.64s", name);
	request.text = text;
	if (code == 0) {
		code = apply_config(m, &request, &reply, err);
		if (code < 0 && err)
			drop_file(m->paths->config, err);
	}
	return code;
}

/* The file may differ from what is applied in other places too, which stay as they are. */
static int save_change(struct manager *m, const char *name, const struct limits_change *change,
		       struct error *err)
{
	const char *path = m->paths->config;
	cleanup_free char *old = NULL, *text = NULL;
	cleanup_json json_t *root = NULL;
	int code = file_read(path, CONFIG_BYTES_MAX, &old, NULL);

	if (code < 0)
		return error_set(err, code, "cannot read \"%s\": %s", path, strerror(-code));
	code = edit_parse(old, path, &root, err);
	if (code == 0)
		code = changed_text(root, name, change->limits, &text, err);
	if (code != 0)
		return code;
	code = file_write_atomic(path, text, strlen(text), 0600);
	return code < 0 ? error_set(err, code, "cannot write \"%s\": %s", path, strerror(-code))
			: 0;
}

/* What was applied is asked for once more: a config does not fail on a limit, but this call does.
 */
static int check_kernel(struct manager *m, const char *name, struct error *err)
{
	struct launcher *l = m->launcher;
	const struct service *s = manager_find(m, name);
	int code = s ? l->ops->set_limits(l, name, SERVICE_SLOT, &s->process->limits, err) : 0;

	if (code < 0 && code != -EOPNOTSUPP && code != -ENOENT)
		return code;
	return s && service_lives(s)
		       ? process_limits_set(s->snapshot.main_pid, &s->process->limits, err)
		       : 0;
}

int limits_set(struct manager *m, const struct service *s, const struct limits_change *change,
	       struct error *err)
{
	cleanup_free char *name = strdup(s->process->name); /* the config goes with the change */
	int code;

	if (!name)
		return error_set(err, -ENOMEM, "out of memory");
	if (s->system)
		return error_set(err, -EINVAL,
				 "\"%s\" is part of slicekeep: its limits are not in the config",
				 name);
	code = apply_change(m, name, change, err);
	if (code == 0)
		code = check_kernel(m, name, err);
	if (code == 0 && change->save)
		code = save_change(m, name, change, err);
	return code;
}
