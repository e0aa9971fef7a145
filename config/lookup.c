/* SPDX-License-Identifier: MIT */

/*
 * What the name of a variable leads to in a document.
 *
 * A path may begin in three places, and the first in which all of it exists wins, so a variable of
 * `env` can have the name of a process without hiding its ports. Going down keeps track of whose
 * value it is, because what is found may itself say `${.ports.0}` and then means its own owner.
 */

#include "config/lookup.h"

#include <ctype.h>
#include <string.h>

#include "lib/text.h"
#include "config/document.h"

#define PART_BYTES_MAX 256
#define CANDIDATES_MAX 512

struct spot lookup_top(const struct document *d)
{
	return (struct spot){.node = d->root};
}

struct spot lookup_child(const struct document *d, struct spot from, const char *key,
			 const json_t *child)
{
	struct spot c = from;

	c.node = child;
	c.level++;
	c.groups = false;
	if (c.level == 1) {
		c.owner = child;
		c.groups =
			!d->flat && (text_equal(key, "processes") || text_equal(key, "webhooks"));
	} else if (c.level == 2 && from.groups) {
		c.owner = child;
	}
	if (text_equal(key, "commands"))
		c.shell = true;
	c.routes = text_equal(key, "routes") || text_equal(key, "webroots");
	return c;
}

/* Cut the next "key." off a path; false when there is none, or none that any file could have. */
static bool next_part(struct span *path, char buf[static PART_BYTES_MAX])
{
	const char *dot = memchr(path->s, '.', path->len);
	size_t len = dot ? (size_t)(dot - path->s) : path->len;
	size_t n_consumed = dot ? len + 1 : len;

	if (len == 0 || len >= PART_BYTES_MAX || n_consumed == path->len + 1 ||
	    (dot && n_consumed == path->len))
		return false;
	memcpy(buf, path->s, len);
	buf[len] = 0;
	path->s += n_consumed;
	path->len -= n_consumed;
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

static bool descend(const struct document *d, struct spot from, struct span path,
		    struct spot *ret_spot)
{
	char part[PART_BYTES_MAX];

	if (!from.node || path.len == 0)
		return false;
	while (path.len > 0) {
		bool is_object = json_is_object(from.node);
		const json_t *child;

		if (!next_part(&path, part))
			return false;
		child = is_object ? json_object_get(from.node, part) : element_at(from.node, part);
		if (!child)
			return false;
		from = lookup_child(d, from, is_object ? part : NULL, child);
	}
	*ret_spot = from;
	return true;
}

static struct spot section(const struct document *d, const char *key)
{
	return lookup_child(d, lookup_top(d), key, json_object_get(d->root, key));
}

static bool find_own(const struct document *d, struct spot at, struct span path,
		     struct spot *ret_target)
{
	struct spot owner = at;

	owner.node = at.owner;
	owner.groups = false;
	owner.shell = false;
	owner.routes = false;
	return descend(d, owner, path, ret_target);
}

bool lookup_find(const struct document *d, struct spot at, struct span name,
		 struct spot *ret_target)
{
	if (name.s[0] == '.')
		return find_own(d, at, (struct span){name.s + 1, name.len - 1}, ret_target);
	return descend(d, section(d, "env"), name, ret_target) ||
	       (!d->flat && descend(d, section(d, "processes"), name, ret_target)) ||
	       descend(d, lookup_top(d), name, ret_target);
}

bool lookup_daemon_port(const struct document *d, struct span name, long *ret_port)
{
	static const struct {
		const char *name;
		const char *section;
		int port;
	} daemons[] = {
		{"ci.ports.0", "ci", 7501},
		{"dashboard.ports.0", "dashboard", 7504},
		{"router.ports.0", "router", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(daemons); i++) {
		const json_t *listen;
		const char *colon;

		if (name.len != strlen(daemons[i].name) ||
		    memcmp(name.s, daemons[i].name, name.len) != 0)
			continue;
		listen = json_object_get(json_object_get(d->root, daemons[i].section), "listen");
		if (json_is_array(listen))
			listen = json_array_get(listen, 0);
		colon = json_is_string(listen) ? strrchr(json_string_value(listen), ':') : NULL;
		*ret_port = colon ? strtol(colon + 1, NULL, 10) : daemons[i].port;
		return *ret_port > 0;
	}
	return false;
}

static const char *nearest_key(const json_t *object, const char *word)
{
	const char *candidates[CANDIDATES_MAX];
	size_t n = 0;
	const char *key, *near;
	json_t *value;

	json_object_foreach((json_t *)object, key, value) {
		if (n < CANDIDATES_MAX)
			candidates[n++] = key;
	}
	near = text_nearest(word, candidates, n);
	return near && strcmp(near, word) != 0 ? near : NULL;
}

const char *lookup_nearest(const struct document *d, struct span name)
{
	char first[PART_BYTES_MAX];
	struct span rest = name;
	const char *near;

	if (!next_part(&rest, first))
		return NULL;
	near = nearest_key(json_object_get(d->root, "env"), first);
	if (!near && rest.len > 0)
		near = nearest_key(json_object_get(d->root, "processes"), first);
	if (!near && rest.len > 0)
		near = nearest_key(d->root, first);
	return near;
}
