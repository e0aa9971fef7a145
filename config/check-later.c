/* SPDX-License-Identifier: MIT */

/*
 * Keys that are right but that this build does not carry out: said, never silently ignored.
 *
 * One line for the keys of processes, one for the sections, however many processes have them: what
 * is printed at each start must stay short enough to be read.
 */

#include "lib/json.h"
#include "lib/text.h"
#include "config/check.h"
#include "config/model.h"
#include "config/parse.h"

#define OTHERS_SHOWN_MAX 3

/** struct group - the keys of one line, and the processes that have one of them */
struct group {
	json_t *keys;
	json_t *names;
};

static int add(const struct parse *p, json_t *set, const char *key)
{
	return json_object_set_new(set, key, json_true()) < 0 ? parse_fail_memory(p) : 0;
}

static int collect(const struct parse *p, const json_t *later, const char *process,
		   struct group *group)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)later, key, value) {
		int r;

		r = add(p, group->keys, key);
		if (r == 0)
			r = add(p, group->names, process);
		if (r < 0)
			return r;
	}
	return 0;
}

/* "drain", or "{drain,exclusive}" */
static void add_keys(struct text *t, const json_t *keys)
{
	const char *key;
	json_t *value;
	size_t n = 0;

	if (json_object_size(keys) > 1)
		text_add(t, "{");
	json_object_foreach((json_t *)keys, key, value) {
		text_addf(t, "%s%s", n++ > 0 ? "," : "", key);
	}
	if (n > 1)
		text_add(t, "}");
}

/* " (also blog, api and 3 more)" behind the first of the names. */
static void add_others(struct text *t, const json_t *names)
{
	const char *name;
	json_t *value;
	size_t n = 0;

	json_object_foreach((json_t *)names, name, value) {
		if (n > 0 && n <= OTHERS_SHOWN_MAX)
			text_addf(t, "%s%s", n > 1 ? ", " : " (also ", name);
		n++;
	}
	if (n > OTHERS_SHOWN_MAX + 1)
		text_addf(t, " and %zu more", n - OTHERS_SHOWN_MAX - 1);
	if (n > 1)
		text_add(t, ")");
}

static int warn(struct parse *p, const struct group *group)
{
	cleanup_text struct text t = {0};

	if (json_object_size(group->keys) == 0)
		return 0;
	text_addf(&t, "%s%s.", p->document->flat ? "" : "processes.",
		  json_object_iter_key(json_object_iter(group->names)));
	add_keys(&t, group->keys);
	text_add(&t, ": accepted, not carried out by this build");
	add_others(&t, group->names);
	return t.failed ? parse_fail_memory(p) : parse_warn(p, "%s", t.data);
}

static int warn_processes(struct parse *p)
{
	cleanup_json json_t *keys = json_object(), *names = json_object();
	struct group group = {keys, names};
	int r = 0;

	if (!keys || !names)
		return parse_fail_memory(p);
	for (size_t i = 0; r == 0 && i < p->config->n_processes; i++) {
		const struct config_process *c = &p->config->processes[i];

		r = collect(p, c->later, c->name, &group);
	}
	return r < 0 ? r : warn(p, &group);
}

static int warn_sections(struct parse *p)
{
	const struct config *c = p->config;
	const struct {
		const char *name;
		bool is_there;
	} sections[] = {
		{"webhooks", json_object_size(c->hooks) > 0},
		{"ci", c->ci},
		{"dashboard", c->dashboard},
		{"router", c->router},
	};
	cleanup_text struct text t = {0};

	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		if (sections[i].is_there)
			text_addf(&t, "%s%s", t.len > 0 ? ", " : "", sections[i].name);
	}
	if (t.failed)
		return parse_fail_memory(p);
	return t.len == 0 ? 0
			  : parse_warn(p, "%s: accepted, not carried out by this build", t.data);
}

int check_later(struct parse *p)
{
	int r;

	r = warn_processes(p);
	return r < 0 ? r : warn_sections(p);
}
