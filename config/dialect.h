/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

struct document;
struct place;

/**
 * dialect_is_flat() - whether a config is in the dialect in which each top-level key is a process
 * @source: an object as written
 *
 * Return: true for a file with neither `processes` nor `webhooks`.
 */
bool dialect_is_flat(const json_t *source);

/**
 * dialect_translate() - from what was written to the shape that the parser reads
 * @d:        for complaints, and to know which dialect it is
 * @resolved: the document without variables
 * @ret_root: a new reference: `processes`, `webhooks`, `ci`, `log`, `dashboard`, `router` …
 *
 * In the flat dialect `ci`, `log`, `dashboard` and `router` are not processes but configure our own
 * daemons: their programs are never run, `ports` become `listen`, the arguments of the dashboard
 * and the router become keys of their sections.
 *
 * Return: 0, -EINVAL with a text, -ENOMEM.
 */
must_check int dialect_translate(const struct document *d, json_t *resolved, json_t **ret_root);

/**
 * dialect_origin() - the place in the file that a place in the translated shape came from
 */
void dialect_origin(const struct document *d, const struct place *translated,
		    struct place *ret_written);
