/* SPDX-License-Identifier: MIT */

/*
 * Variables: a copy of the document is built in which each string is what it stands for.
 *
 * A variable may stand for a value that holds variables, which may lead to another process's, and
 * so on; so a lookup resolves what it finds, in the place where it was found (`${.ports.0}` means
 * the port of the process that wrote it). The chain of lookups that are under way is a list on the
 * stack: a target that is already on it is a cycle, and the list is what the message names. Nothing
 * is remembered between lookups: sixteen lines of `"a": "${b}${b}"` would grow without end either
 * way, so lookups and bytes are counted and have an end.
 *
 * The walk calls itself, but never deeper than CONFIG_DEPTH_MAX containers for each of CHAIN_MAX
 * lookups: the stack that it uses is bounded by these and not by the file.
 */

#include "config/interpolate.h"

#include <string.h>

#include "lib/json.h"
#include "lib/text.h"
#include "config/document.h"
#include "config/lookup.h"
#include "config/place.h"
#include "config/scalar.h"
#include "config/template.h"

#define CHAIN_MAX 16

/** struct chain - a lookup that is under way; the list leads to the first one */
struct chain {
	const struct chain *up;
	const json_t *target;
	struct span name;
	unsigned n;
};

/**
 * struct resolver - the walk
 * @place: of the value of the document itself, not of what a variable leads to
 * @chain: lookups that are under way, the last one first
 */
struct resolver {
	const struct document *d;
	struct place place;
	const struct chain *chain;
	unsigned n_lookups;
	size_t n_bytes;
};

static int resolve(struct resolver *r, struct spot spot, json_t **ret);

static int fail_unresolved(const struct resolver *r, struct span name)
{
	const char *near = lookup_nearest(r->d, name);
	const char *dot = memchr(name.s, '.', name.len);
	cleanup_free char *s = strndup(name.s, name.len);

	if (!s)
		return document_fail_memory(r->d);
	if (near)
		return document_fail(r->d, &r->place,
				     "unresolved variable '${%s}', did you mean '${%s%s}'?", s,
				     near, dot ? s + (dot - name.s) : "");
	if (getenv(s))
		return document_fail(r->d, &r->place,
				     "unresolved variable '${%s}', did you mean '${ENV:%s}'? (text "
				     "for a shell is written '$${%s}')",
				     s, s, s);
	return document_fail(r->d, &r->place,
			     "unresolved variable '${%s}': nothing of that name in 'env' or in the "
			     "file (text for a shell is written '$${%s}')",
			     s, s);
}

static int fail_cycle(const struct resolver *r, const struct chain *c, const json_t *target)
{
	cleanup_text struct text way = {0};
	const struct chain *names[CHAIN_MAX + 1];
	size_t n = 0;

	for (; c && n < ARRAY_LEN(names); c = c->up) {
		names[n++] = c;
		if (c->target == target && n > 1)
			break;
	}
	while (n-- > 0) {
		text_addf(&way, "%.*s%s", (int)names[n]->name.len, names[n]->name.s,
			  n > 0 ? " -> " : "");
	}
	return document_fail(r->d, &r->place, "variables lead in a circle: %s",
			     way.data ? way.data : "…");
}

static int check_chain(const struct resolver *r, const struct chain *link)
{
	for (const struct chain *c = link->up; c; c = c->up) {
		if (c->target == link->target)
			return fail_cycle(r, link, link->target);
	}
	if (link->n > CHAIN_MAX)
		return document_fail(r->d, &r->place,
				     "variable '${%.*s}' leads through too many others",
				     (int)link->name.len, link->name.s);
	return 0;
}

static int count_bytes(struct resolver *r, size_t n_bytes)
{
	r->n_bytes += n_bytes;
	if (r->n_bytes > INTERPOLATE_BYTES_MAX)
		return document_fail(r->d, &r->place, "variables add up to more than %zu MB",
				     INTERPOLATE_BYTES_MAX / 1024 / 1024);
	return 0;
}

static int resolve_target(struct resolver *r, struct spot target, struct span name, json_t **ret)
{
	struct chain link = {.up = r->chain,
			     .target = target.node,
			     .name = name,
			     .n = r->chain ? r->chain->n + 1 : 1};
	int result;

	result = check_chain(r, &link);
	if (result < 0)
		return result;
	r->chain = &link;
	result = resolve(r, target, ret);
	r->chain = link.up;
	return result;
}

static int resolve_environment(struct resolver *r, struct span name, json_t **ret)
{
	char key[256];
	const char *value = NULL;

	if (name.len < sizeof(key)) {
		memcpy(key, name.s, name.len);
		key[name.len] = 0;
		value = getenv(key);
	}
	if (!value)
		return document_fail(r->d, &r->place,
				     "unresolved variable '${ENV:%.*s}': not in the environment",
				     (int)name.len, name.s);
	*ret = json_text(value, strlen(value));
	return *ret ? 0 : document_fail_memory(r->d);
}

static int resolve_variable(struct resolver *r, struct spot at, struct span name, json_t **ret)
{
	struct spot target;
	long port;

	if (++r->n_lookups > INTERPOLATE_LOOKUPS_MAX)
		return document_fail(r->d, &r->place, "more than %d variables",
				     INTERPOLATE_LOOKUPS_MAX);
	if (name.len > 4 && !memcmp(name.s, "ENV:", 4))
		return resolve_environment(r, (struct span){name.s + 4, name.len - 4}, ret);
	if (lookup_find(r->d, at, name, &target))
		return resolve_target(r, target, name, ret);
	if (!lookup_daemon_port(r->d, name, &port))
		return fail_unresolved(r, name);
	*ret = json_integer(port);
	return *ret ? 0 : document_fail_memory(r->d);
}

/* Whether a variable is left to the shell that reads the text later. */
static bool is_the_shells(const struct resolver *r, struct spot at, struct span name)
{
	struct spot target;

	return at.shell && strncmp(name.s, "ENV:", 4) != 0 && !lookup_find(r->d, at, name, &target);
}

static int add_variable(struct resolver *r, struct spot at, struct span name, struct text *t)
{
	cleanup_json json_t *value = NULL;
	cleanup_free char *s = NULL;
	int result;

	result = resolve_variable(r, at, name, &value);
	if (result < 0)
		return result;
	s = scalar_text(value);
	if (!s && errno == EINVAL)
		return document_fail(r->d, &r->place,
				     "'${%.*s}' is %s, which has no place inside of a text",
				     (int)name.len, name.s, scalar_kind(value));
	text_add(t, s);
	return s ? 0 : document_fail_memory(r->d);
}

static int add_piece(struct resolver *r, struct spot at, const struct template_piece *piece,
		     struct text *t)
{
	if (piece->kind == TEMPLATE_OPEN && !at.shell)
		return document_fail(r->d, &r->place,
				     "'${' without a '}' (text for a shell is written '$${')");
	if (piece->kind != TEMPLATE_VARIABLE) {
		text_add_bytes(t, piece->text.s, piece->text.len);
		return 0;
	}
	if (!is_the_shells(r, at, piece->text))
		return add_variable(r, at, piece->text, t);
	text_add_bytes(t, piece->text.s - 2, piece->n_consumed);
	return 0;
}

static int resolve_text(struct resolver *r, struct spot at, const char *s, json_t **ret)
{
	cleanup_text struct text t = {0};
	int result;

	for (struct template_piece piece; *s; s += piece.n_consumed) {
		piece = template_next(s);
		if (piece.kind == TEMPLATE_VARIABLE && t.len == 0 && !s[piece.n_consumed] &&
		    !is_the_shells(r, at, piece.text))
			return resolve_variable(r, at, piece.text, ret);
		result = add_piece(r, at, &piece, &t);
		if (result < 0)
			return result;
	}
	result = count_bytes(r, t.len);
	if (result < 0)
		return result;
	*ret = t.failed ? NULL : json_stringn(t.data ? t.data : "", t.len);
	return *ret ? 0 : document_fail_memory(r->d);
}

static int resolve_key(struct resolver *r, struct spot at, const char *key, json_t **ret)
{
	int result;

	result = resolve_text(r, at, key, ret);
	if (result == 0 && !json_is_string(*ret)) {
		cleanup_json json_t *value = steal_ptr(*ret);
		cleanup_free char *s = scalar_text(value);

		if (!s)
			return document_fail(r->d, &r->place, "%s cannot be a key",
					     scalar_kind(value));
		*ret = json_string(s);
	}
	return result;
}

/* Routes are regular expressions over host and path, and may say ${domain}. */
static int add_member(struct resolver *r, struct spot at, const char *key, json_t *value,
		      json_t *object)
{
	cleanup_json json_t *resolved_key = NULL;
	int result;

	if (!at.routes || !template_has_variables(key))
		return json_object_set_new(object, key, value) < 0 ? document_fail_memory(r->d) : 0;
	result = resolve_key(r, at, key, &resolved_key);
	if (result == 0 && json_object_get(object, json_string_value(resolved_key)))
		result = document_fail(r->d, &r->place, "this makes '%s' a key twice",
				       json_string_value(resolved_key));
	if (result < 0) {
		json_decref(value);
		return result;
	}
	return json_object_set_new(object, json_string_value(resolved_key), value) < 0
		       ? document_fail_memory(r->d)
		       : 0;
}

/* Steps inside of a variable's value are no places of the string that is being resolved. */
static bool place_enter(struct resolver *r, const char *key, size_t index)
{
	if (r->chain)
		return false;
	if (key)
		place_push_key(&r->place, key);
	else
		place_push_index(&r->place, index);
	return true;
}

static int resolve_member(struct resolver *r, struct spot at, const char *key, const json_t *value,
			  json_t *object)
{
	struct spot child = lookup_child(r->d, at, key, value);
	bool entered = place_enter(r, key, 0);
	json_t *resolved = NULL;
	int result;

	result = resolve(r, child, &resolved);
	if (result == 0)
		result = add_member(r, at, key, resolved, object);
	if (entered && result == 0)
		place_pop(&r->place);
	return result;
}

static int resolve_object(struct resolver *r, struct spot at, json_t **ret)
{
	cleanup_json json_t *object = json_object();
	const char *key;
	json_t *value;

	if (!object)
		return document_fail_memory(r->d);
	json_object_foreach((json_t *)at.node, key, value) {
		int result = resolve_member(r, at, key, value, object);

		if (result < 0)
			return result;
	}
	*ret = steal_ptr(object);
	return 0;
}

static int resolve_array(struct resolver *r, struct spot at, json_t **ret)
{
	cleanup_json json_t *array = json_array();
	size_t i;
	json_t *value;

	if (!array)
		return document_fail_memory(r->d);
	json_array_foreach((json_t *)at.node, i, value) {
		bool entered = place_enter(r, NULL, i);
		json_t *resolved = NULL;
		int result;

		result = resolve(r, lookup_child(r->d, at, NULL, value), &resolved);
		if (result < 0)
			return result;
		if (json_array_append_new(array, resolved) < 0)
			return document_fail_memory(r->d);
		if (entered)
			place_pop(&r->place);
	}
	*ret = steal_ptr(array);
	return 0;
}

static int resolve(struct resolver *r, struct spot spot, json_t **ret)
{
	int result;

	if (r->chain) {
		result = count_bytes(r, sizeof(json_t) + sizeof(void *));
		if (result < 0)
			return result;
	}
	if (json_is_object(spot.node))
		return resolve_object(r, spot, ret);
	if (json_is_array(spot.node))
		return resolve_array(r, spot, ret);
	if (json_is_string(spot.node) && template_has_variables(json_string_value(spot.node)))
		return resolve_text(r, spot, json_string_value(spot.node), ret);
	*ret = json_incref((json_t *)spot.node);
	return 0;
}

int interpolate(const struct document *d, json_t **ret_root)
{
	struct resolver r = {.d = d};

	return resolve(&r, lookup_top(r.d), ret_root);
}
