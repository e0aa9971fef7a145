/* SPDX-License-Identifier: MIT */
#include "supervisor/desired.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lib/error.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"

/*
 * The operator's will, in one small file: {"shop": "stop"}.
 *
 * A service stopped by hand stays stopped, whatever dies in between, so a will counts only once it
 * is on disk: the file is written first and memory changes after it. A damaged file is an error and
 * not an empty will, because the empty will would start what somebody has stopped.
 */

/** A name and a will take less than 70 bytes; this is a bound, not a size. */
#define DESIRED_BYTES_MAX ((size_t)4 * 1024 * 1024)

struct desired {
	char *path;
	json_t *wills;
};

/* Everything in the file is a valid name with a valid will. */
static bool wills_valid(json_t *wills)
{
	const char *name;
	json_t *will;

	if (!json_is_object(wills))
		return false;
	json_object_foreach(wills, name, will) {
		const char *s = json_string_value(will);

		if (!text_name_valid(name) || !(text_equal(s, "run") || text_equal(s, "stop")))
			return false;
	}
	return true;
}

static int load(struct desired *d, struct error *err)
{
	cleanup_free char *text = NULL;
	json_error_t where;
	size_t len = 0;
	int r = file_read(d->path, DESIRED_BYTES_MAX, &text, &len);

	if (r == -ENOENT) {
		d->wills = json_object();
		return d->wills ? 0 : -ENOMEM;
	}
	if (r < 0)
		return error_set(err, r, "cannot read \"%s\": %s", d->path, strerror(-r));
	d->wills = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	if (!d->wills)
		return error_set(err, -EBADMSG,
				 "\"%s\" line %d: %s; remove the file to forget what was stopped "
				 "or started by hand",
				 d->path, where.line, where.text);
	if (!wills_valid(d->wills))
		return error_set(err, -EBADMSG,
				 "\"%s\" must be an object of \"NAME\": \"run\" or \"stop\"; "
				 "remove the file to forget what was stopped or started by hand",
				 d->path);
	return 0;
}

int desired_open(const char *folder, struct desired **ret_desired, struct error *err)
{
	struct desired *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	d->path = file_path_join(folder, "desired.json");
	r = d->path ? load(d, err) : -ENOMEM;
	if (r < 0) {
		desired_close(d);
		return r;
	}
	*ret_desired = d;
	return 0;
}

void desired_close(struct desired *d)
{
	if (!d)
		return;
	json_decref(d->wills);
	free(d->path);
	free(d);
}

enum desired_state desired_get(const struct desired *d, const char *name)
{
	const char *will = json_get_string(d->wills, name);

	if (!will)
		return DESIRED_DEFAULT;
	return strcmp(will, "run") == 0 ? DESIRED_RUN : DESIRED_STOP;
}

static int change(json_t *wills, const char *name, enum desired_state state)
{
	if (state != DESIRED_DEFAULT)
		return json_object_set_new(wills, name,
					   json_string(state == DESIRED_RUN ? "run" : "stop"));
	ignore_result(json_object_del(wills, name));
	return 0;
}

static int write_wills(const struct desired *d, const json_t *wills, struct error *err)
{
	cleanup_free char *text = json_dumps(wills, JSON_INDENT(2) | JSON_SORT_KEYS);
	int r = text ? file_write_atomic(d->path, text, strlen(text), 0600) : -ENOMEM;

	if (r < 0)
		return error_set(err, r, "cannot write \"%s\": %s", d->path, strerror(-r));
	return 0;
}

int desired_set_all(struct desired *d, const char *const *names, size_t n_names,
		    enum desired_state state, struct error *err)
{
	cleanup_json json_t *wills = NULL;
	bool is_news = false;
	int r = 0;

	for (size_t i = 0; i < n_names; i++)
		is_news |= desired_get(d, names[i]) != state;
	if (!is_news)
		return 0;
	wills = json_copy(d->wills);
	for (size_t i = 0; wills && r == 0 && i < n_names; i++)
		r = change(wills, names[i], state);
	if (!wills || r < 0)
		return error_set(err, -ENOMEM, "out of memory");
	r = write_wills(d, wills, err);
	if (r < 0)
		return r;
	json_decref(d->wills);
	d->wills = steal_ptr(wills);
	return 0;
}

int desired_set(struct desired *d, const char *name, enum desired_state state, struct error *err)
{
	return desired_set_all(d, &name, 1, state, err);
}
