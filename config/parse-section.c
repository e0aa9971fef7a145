/* SPDX-License-Identifier: MIT */

/*
 * The sections of a config file: processes, slices and hooks by name, and what our own daemons are
 * told.
 */

#include <string.h>

#include "lib/json.h"
#include "lib/text.h"
#include "config/model.h"
#include "config/parse.h"
#include "config/scalar.h"

#define PROCESSES_MAX 4096
#define SLICES_MAX 256
#define HOOKS_MAX 1024
#define LISTEN_MAX 32
#define ROUTES_MAX 4096
#define PORT_MAX 65535
#define SEGMENT_BYTES_MIN 65536

static int check_count(const struct parse *p, const json_t *object, size_t max)
{
	if (!json_is_object(object))
		return parse_fail_kind(p, "an object", object);
	if (json_object_size(object) > max)
		return parse_fail(p, "holds %zu: %zu are allowed", json_object_size(object), max);
	return 0;
}

static int read_processes(struct parse *p, const json_t *object, const struct field *f,
			  void *member)
{
	struct config *c = member;
	const char *name;
	json_t *value;
	int r;

	r = check_count(p, object, PROCESSES_MAX);
	if (r < 0)
		return r;
	c->processes = calloc(json_object_size(object) + 1, sizeof(*c->processes));
	if (!c->processes)
		return parse_fail_memory(p);
	json_object_foreach((json_t *)object, name, value) {
		place_push_key(&p->place, name);
		r = parse_process(p, name, value, &c->processes[c->n_processes++]);
		if (r < 0)
			return r;
		place_pop(&p->place);
	}
	return 0;
}

static int read_slice(struct parse *p, const char *name, const json_t *value,
		      struct config_slice *slice)
{
	int r;

	if (!strcmp(name, "system"))
		return parse_fail(p, "the slice of slicekeep's own daemons: choose another name");
	if (!text_name_valid(name))
		return parse_fail(p, "no valid name: a-z, 0-9, '-' and '_', at most %d",
				  CONFIG_NAME_MAX);
	slice->name = strdup(name);
	if (!slice->name)
		return parse_fail_memory(p);
	r = parse_slice_limits(p, value, NULL, &slice->limits);
	return r < 0 ? r : parse_finish_rates(p, &slice->limits, p->config->folder);
}

static int read_slices(struct parse *p, const json_t *object, const struct field *f, void *member)
{
	struct config *c = member;
	const char *name;
	json_t *value;
	int r;

	r = check_count(p, object, SLICES_MAX);
	if (r < 0)
		return r;
	c->slices = calloc(json_object_size(object) + 1, sizeof(*c->slices));
	if (!c->slices)
		return parse_fail_memory(p);
	json_object_foreach((json_t *)object, name, value) {
		place_push_key(&p->place, name);
		config_limits_unset(&c->slices[c->n_slices].limits);
		r = read_slice(p, name, value, &c->slices[c->n_slices++]);
		if (r < 0)
			return r;
		place_pop(&p->place);
	}
	return 0;
}

/* The seed's flat example has a hook named ci: only there a reserved name is a hook's. */
static int check_hook_name(const struct parse *p, const char *name)
{
	return p->document->flat ? 0 : parse_name(p, name);
}

static int read_hooks(struct parse *p, const json_t *object, const struct field *f, void *member)
{
	const char *name;
	json_t *value;
	int r;

	r = check_count(p, object, HOOKS_MAX);
	if (r < 0)
		return r;
	json_object_foreach((json_t *)object, name, value) {
		place_push_key(&p->place, name);
		r = check_hook_name(p, name);
		if (r == 0)
			r = parse_hook(p, name, value);
		if (r < 0)
			return r;
		place_pop(&p->place);
	}
	return 0;
}

static int check_listen_one(struct parse *p, const json_t *value)
{
	if (!json_is_string(value))
		return parse_fail_kind(p, "an address", value);
	return parse_address(p, json_string_value(value));
}

static int check_listen(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	size_t i;
	json_t *one;

	if (json_is_string(value))
		return check_listen_one(p, value);
	if (!json_is_array(value))
		return parse_fail_kind(p, "an address or a list of them", value);
	if (json_array_size(value) == 0 || json_array_size(value) > LISTEN_MAX)
		return parse_fail(p, "must name 1 to %d addresses", LISTEN_MAX);
	json_array_foreach((json_t *)value, i, one) {
		int r;

		place_push_index(&p->place, i);
		r = check_listen_one(p, one);
		if (r < 0)
			return r;
		place_pop(&p->place);
	}
	return 0;
}

static int check_text(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	cleanup_free char *s = NULL;

	return parse_text(p, value, f, &s);
}

static int check_word(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	int ignored;

	return parse_word(p, value, f, &ignored);
}

static int check_port(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	unsigned ignored;

	return parse_unsigned(p, value, &(struct field){.min = 1, .max = PORT_MAX}, &ignored);
}

/* A route leads to a port of this machine, or to a text: an address, a folder, a process. */
static int check_route(struct parse *p, const char *from, const json_t *to, bool is_regex)
{
	int r;

	if (!*from)
		return parse_fail(p, "must not be empty");
	r = is_regex ? parse_regex(p, from) : 0;
	if (r < 0)
		return r;
	if (json_is_integer(to))
		return check_port(p, to, NULL, NULL);
	if (!json_is_string(to))
		return parse_fail_kind(p, "a port or a text", to);
	return check_text(p, to, &(struct field){0}, NULL);
}

static int check_routes(struct parse *p, const json_t *object, const struct field *f, void *member)
{
	const char *from;
	json_t *to;
	int r;

	r = check_count(p, object, ROUTES_MAX);
	if (r < 0)
		return r;
	json_object_foreach((json_t *)object, from, to) {
		place_push_key(&p->place, from);
		r = check_route(p, from, to, !strcmp(f->key, "routes"));
		if (r < 0)
			return r;
		place_pop(&p->place);
	}
	return 0;
}

static int keep_section(struct parse *p, const json_t *value, json_t **member)
{
	*member = json_incref((json_t *)value);
	return 0;
}

static int read_ci(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	static const struct field fields[] = {{"listen", check_listen}};
	int r;

	r = parse_object(p, value, fields, ARRAY_LEN(fields), NULL);
	return r < 0 ? r : keep_section(p, value, member);
}

static int read_dashboard(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	static const char *const config_words[] = {"propose", "apply", NULL};
	static const struct field fields[] = {
		{"listen", check_listen},
		{"token", check_text},
		{"config", check_word, .words = config_words},
	};
	int r;

	r = parse_object(p, value, fields, ARRAY_LEN(fields), NULL);
	return r < 0 ? r : keep_section(p, value, member);
}

static int read_router(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	static const struct field fields[] = {
		{"listen", check_listen},
		{"http_redirect", check_port},
		{"routes", check_routes},
		{"webroots", check_routes},
	};
	int r;

	r = parse_object(p, value, fields, ARRAY_LEN(fields), NULL);
	return r < 0 ? r : keep_section(p, value, member);
}

static int read_log(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	static const struct field fields[] = {
		{"max_total", parse_size, offsetof(struct config, log_max_total_bytes), 1048576},
		{"max_age", parse_duration, offsetof(struct config, log_max_age_usec),
		 USEC_PER_MINUTE, 36500 * USEC_PER_DAY},
		{"segment_size", parse_size, offsetof(struct config, segment_bytes),
		 SEGMENT_BYTES_MIN},
		{"sync", parse_duration, offsetof(struct config, log_sync_usec), 0, USEC_PER_DAY},
	};

	return parse_object(p, value, fields, ARRAY_LEN(fields), member);
}

/* Used by interpolate(); here it is only looked at. */
static int check_env(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	if (!json_is_object(value))
		return parse_fail_kind(p, "an object of variables", value);
	if (json_object_get(value, "PORT")) {
		place_push_key(&p->place, "PORT");
		return parse_fail(p, "${PORT} is the port of each slot: choose another name");
	}
	return 0;
}

int parse_config(struct parse *p, const json_t *root)
{
	static const struct field fields[] = {
		{"$schema", check_text},
		{"env", check_env},
		{"slices", read_slices, 0},
		{"processes", read_processes, 0},
		{"webhooks", read_hooks, 0},
		{"ci", read_ci, offsetof(struct config, ci)},
		{"log", read_log, 0},
		{"dashboard", read_dashboard, offsetof(struct config, dashboard)},
		{"router", read_router, offsetof(struct config, router)},
	};

	return parse_object(p, root, fields, ARRAY_LEN(fields), p->config);
}
