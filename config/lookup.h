/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"
#include "config/template.h"

struct document;

/**
 * struct spot - a value of a document, and what it belongs to
 * @owner:  the process, hook or section that `${.path}` starts at; NULL above these
 * @level:  steps from the top
 * @groups: the children are owners
 * @shell:  text of `commands`, which a shell reads later
 * @routes: the names of the members may hold variables too
 */
struct spot {
	const json_t *node;
	const json_t *owner;
	unsigned level;
	bool groups;
	bool shell;
	bool routes;
};

/** lookup_top() - the document itself */
struct spot lookup_top(const struct document *d);

/** lookup_child() - one step down from @from; @key is NULL for an element of an array */
struct spot lookup_child(const struct document *d, struct spot from, const char *key,
			 const json_t *child);

/**
 * lookup_find() - what a variable stands for
 * @at:         the text that it is in
 * @name:       "infoagport", "shop.ports.0", ".ports.0"
 * @ret_target: a value as written, which may hold variables itself
 *
 * The first of: a variable of `env`, a path from a process, a path from the top of the file.
 *
 * Return: whether there is one.
 */
bool lookup_find(const struct document *d, struct spot at, struct span name,
		 struct spot *ret_target);

/**
 * lookup_daemon_port() - `${ci.ports.0}` where the file says `listen`, or says nothing
 *
 * Return: whether @name is the port of one of our daemons.
 */
bool lookup_daemon_port(const struct document *d, struct span name, long *ret_port);

/** lookup_nearest() - the first part that was probably meant instead of @name's; NULL for none */
const char *lookup_nearest(const struct document *d, struct span name);
