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

#include <ctype.h>
#include <string.h>

#include "config/document.h"
#include "config/place.h"
#include "config/scalar.h"
#include "lib/json.h"
#include "lib/text.h"

#define CHAIN_MAX 16
#define CANDIDATES_MAX 512

/**
 * struct spot - a value of the document, and what it belongs to
 * @owner: the process, hook or section that `${.path}` starts at; NULL above these
 * @level: steps from the top
 * @groups: the children are owners
 * @shell: text of `commands`, which a shell reads later
 */
struct spot {
	const json_t *node;
	const json_t *owner;
	unsigned level;
	bool groups;
	bool shell;
};

/** struct chain - a lookup that is under way; the list leads to the first one */
struct chain {
	const struct chain *up;
	const json_t *target;
	const char *name;
	size_t name_len;
	unsigned n;
};

struct resolver {
	const struct document *d;
	struct place
		place; /* of the value of the document itself, not of what a variable leads to */
	const struct chain *chain;
	unsigned n_lookups;
	size_t n_bytes;
};

struct name {
	const char *s;
	size_t len;
};

static int resolve(struct resolver *r, struct spot spot, json_t **ret);

static struct spot spot_child(const struct resolver *r, struct spot s, const char *key,
			      const json_t *child)
{
	struct spot c = s;

	c.node = child;
	c.level++;
	c.groups = false;
	if (c.level == 1) {
		c.owner = child;
		c.groups = !r->d->flat && key &&
			   (!strcmp(key, "processes") || !strcmp(key, "webhooks"));
	} else if (c.level == 2 && s.groups) {
		c.owner = child;
	}
	if (key && !strcmp(key, "commands"))
		c.shell = true;
	return c;
}

/* The next "key." of a path; false at its end. */
static bool next_part(struct name *path, char *buf, size_t size)
{
	const char *dot;
	size_t len;

	if (path->len == 0)
		return false;
	dot = memchr(path->s, '.', path->len);
	len = dot ? (size_t)(dot - path->s) : path->len;
	if (len == 0 || len >= size)
		return false;
	memcpy(buf, path->s, len);
	buf[len] = 0;
	path->s += dot ? len + 1 : len;
	path->len -= dot ? len + 1 : len;
	return true;
}

static const json_t *element_at(const json_t *array, const char *digits)
{
	char *end;
	unsigned long index;

	if (!isdigit((unsigned char)digits[0]))
		return NULL;
	index = strtoul(digits, &end, 10);
	return *end ? NULL : json_array_get(array, index);
}

static bool descend(const struct resolver *r, struct spot from, struct name path,
		    struct spot *ret_spot)
{
	char part[256];
	bool ends_in_dot = path.len > 0 && path.s[path.len - 1] == '.';

	if (!from.node || path.len == 0 || ends_in_dot)
		return false;
	while (path.len > 0) {
		const json_t *child = NULL;

		if (!next_part(&path, part, sizeof(part)))
			return false;
		if (json_is_object(from.node))
			child = json_object_get(from.node, part);
		else if (json_is_array(from.node))
			child = element_at(from.node, part);
		if (!child)
			return false;
		from = spot_child(r, from, json_is_object(from.node) ? part : NULL, child);
	}
	*ret_spot = from;
	return true;
}

static struct spot spot_top(const struct resolver *r)
{
	return (struct spot){.node = r->d->root};
}

static struct spot spot_section(const struct resolver *r, const char *key)
{
	return spot_child(r, spot_top(r), key, json_object_get(r->d->root, key));
}

/* The first of: a variable of `env`, a path from a process, a path from the top. */
static bool find_target(const struct resolver *r, struct spot at, struct name name,
			struct spot *ret_target)
{
	if (name.s[0] == '.') {
		struct spot owner = at;

		owner.node = at.owner;
		owner.shell = false;
		name.s++;
		name.len--;
		return descend(r, owner, name, ret_target);
	}
	return descend(r, spot_section(r, "env"), name, ret_target) ||
	       (!r->d->flat && descend(r, spot_section(r, "processes"), name, ret_target)) ||
	       descend(r, spot_top(r), name, ret_target);
}

static const char *nearest_key(const json_t *object, const char *word)
{
	const char *candidates[CANDIDATES_MAX];
	size_t n = 0;
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value) {
		if (n < CANDIDATES_MAX)
			candidates[n++] = key;
	}
	return text_nearest(word, candidates, n);
}

static int fail_unresolved(const struct resolver *r, struct name name)
{
	char first[256] = "";
	struct name rest = name;
	const char *near = NULL;

	if (next_part(&rest, first, sizeof(first))) {
		near = nearest_key(json_object_get(r->d->root, "env"), first);
		if (!near && rest.len > 0)
			near = nearest_key(json_object_get(r->d->root, "processes"), first);
		if (!near && rest.len > 0)
			near = nearest_key(r->d->root, first);
		if (near && !strcmp(near, first))
			near = NULL;
	}
	if (near)
		return document_fail(r->d, &r->place,
				     "unresolved variable '${%.*s}', did you mean '${%s%s%.*s}'?",
				     (int)name.len, name.s, near, rest.len > 0 ? "." : "",
				     (int)rest.len, rest.s);
	if (!memchr(name.s, '.', name.len) && getenv(first))
		return document_fail(r->d, &r->place,
				     "unresolved variable '${%s}', did you mean '${ENV:%s}'? (a "
				     "literal one is written '$${%s}')",
				     first, first, first);
	return document_fail(
		r->d, &r->place,
		"unresolved variable '${%.*s}': nothing of that name in 'env' or in the "
		"file (a literal one is written '$${…}')",
		(int)name.len, name.s);
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
		text_addf(&way, "%.*s%s", (int)names[n]->name_len, names[n]->name,
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
				     (int)link->name_len, link->name);
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

static int resolve_target(struct resolver *r, struct spot target, struct name name, json_t **ret)
{
	struct chain link = {.up = r->chain,
			     .target = target.node,
			     .name = name.s,
			     .name_len = name.len,
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

static int resolve_environment(struct resolver *r, struct name name, json_t **ret)
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

/* `${ci.ports.0}` where the file has `listen`, or leaves it to the default. */
static json_t *daemon_port(struct resolver *r, struct name name)
{
	static const struct {
		const char *name;
		const char *section;
		int port;
	} daemons[] = {{"ci.ports.0", "ci", 7501}, {"dashboard.ports.0", "dashboard", 7504}};

	for (size_t i = 0; i < ARRAY_LEN(daemons); i++) {
		const json_t *listen;
		const char *colon;

		if (name.len != strlen(daemons[i].name) ||
		    memcmp(name.s, daemons[i].name, name.len) != 0)
			continue;
		listen = json_object_get(json_object_get(r->d->root, daemons[i].section), "listen");
		if (json_is_array(listen))
			listen = json_array_get(listen, 0);
		colon = listen && json_is_string(listen) ? strrchr(json_string_value(listen), ':')
							 : NULL;
		return json_integer(colon ? strtol(colon + 1, NULL, 10) : daemons[i].port);
	}
	return NULL;
}

static int resolve_variable(struct resolver *r, struct spot at, struct name name, json_t **ret)
{
	struct spot target;

	if (++r->n_lookups > INTERPOLATE_LOOKUPS_MAX)
		return document_fail(r->d, &r->place, "more than %d variables",
				     INTERPOLATE_LOOKUPS_MAX);
	if (name.len > 4 && !memcmp(name.s, "ENV:", 4))
		return resolve_environment(r, (struct name){name.s + 4, name.len - 4}, ret);
	if (find_target(r, at, name, &target))
		return resolve_target(r, target, name, ret);
	*ret = daemon_port(r, name);
	return *ret ? 0 : fail_unresolved(r, name);
}

static bool is_name(struct name n)
{
	for (size_t i = 0; i < n.len; i++) {
		if (!isalnum((unsigned char)n.s[i]) && !strchr("_.:-", n.s[i]))
			return false;
	}
	return n.len > 0;
}

enum piece_kind {
	PIECE_TEXT,
	PIECE_VARIABLE,
	PIECE_OPEN, /* "${" without an end */
};

/** struct piece - the next stretch of a string, @n_consumed bytes of it; @text without the braces
 */
struct piece {
	enum piece_kind kind;
	struct name text;
	size_t n_consumed;
};

/* @s begins with "${". What is no name of ours between the braces is text: ${f%.js}. */
static struct piece piece_braces(const char *s)
{
	const char *end = strchr(s, '}');
	struct name inside;

	if (!end)
		return (struct piece){PIECE_OPEN, {s, strlen(s)}, strlen(s)};
	inside = (struct name){s + 2, (size_t)(end - s) - 2};
	if (!is_name(inside) || text_starts(s, INTERPOLATE_PORT))
		return (struct piece){PIECE_TEXT, {s, 2}, 2};
	return (struct piece){PIECE_VARIABLE, inside, inside.len + 3};
}

/* @s is not empty. */
static struct piece next_piece(const char *s)
{
	const char *mark = strstr(s, "${");
	size_t len = mark ? (size_t)(mark - s) : strlen(s);

	if (len == 0)
		return piece_braces(s);
	if (!mark || mark[-1] != '$')
		return (struct piece){PIECE_TEXT, {s, len}, len};
	if (len == 1)
		return (struct piece){PIECE_TEXT, {mark, 2}, 3};
	return (struct piece){PIECE_TEXT, {s, len - 1}, len - 1};
}

/* Whether a variable is left to the shell that reads the text later. */
static bool is_the_shells(const struct resolver *r, struct spot at, struct name name)
{
	struct spot target;

	return at.shell && strncmp(name.s, "ENV:", 4) != 0 && !find_target(r, at, name, &target);
}

static int add_variable(struct resolver *r, struct spot at, struct name name, struct text *t)
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

static int add_piece(struct resolver *r, struct spot at, const struct piece *piece, struct text *t)
{
	if (piece->kind == PIECE_OPEN && !at.shell)
		return document_fail(r->d, &r->place,
				     "'${' without a '}' (a literal one is written '$${')");
	if (piece->kind != PIECE_VARIABLE) {
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

	for (struct piece piece; *s; s += piece.n_consumed) {
		piece = next_piece(s);
		if (piece.kind == PIECE_VARIABLE && t.len == 0 && !s[piece.n_consumed] &&
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

/* A member's name may hold variables too (routes are regular expressions over host and path). */
static int add_member(struct resolver *r, struct spot at, const char *key, json_t *value,
		      json_t *object)
{
	cleanup_json json_t *resolved_key = NULL;
	int result;

	if (!strstr(key, "${"))
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
	struct spot child = spot_child(r, at, key, value);
	bool entered = place_enter(r, key, 0);
	json_t *resolved = NULL;
	int result;

	result = resolve(r, child, &resolved);
	if (result == 0)
		result = add_member(r, child, key, resolved, object);
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

		result = resolve(r, spot_child(r, at, NULL, value), &resolved);
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
	if (json_is_string(spot.node) && strstr(json_string_value(spot.node), "${"))
		return resolve_text(r, spot, json_string_value(spot.node), ret);
	*ret = json_incref((json_t *)spot.node);
	return 0;
}

int interpolate(const struct document *d, json_t **ret_root)
{
	struct resolver r = {.d = d};

	return resolve(&r, spot_top(&r), ret_root);
}
