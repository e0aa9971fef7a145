/* SPDX-License-Identifier: MIT */

/*
 * Reading JSON by tables: a row is a key, its reader, where it goes and its range.
 *
 * Strict, because a config is written by hand: a key that no row knows is an error that names the
 * nearest one, and the first error ends the reading. The place is a stack that parse_object()
 * keeps, so that a reader says only what is wrong, never where.
 */

#include "config/parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/json.h"
#include "lib/text.h"
#include "config/dialect.h"
#include "config/load.h"
#include "config/model.h"
#include "config/scalar.h"
#include "config/vector.h"

#define FIELDS_MAX 64

int parse_fail(const struct parse *p, const char *fmt, ...)
{
	cleanup_free char *what = NULL;
	struct place written;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vasprintf(&what, fmt, args);
	va_end(args);
	if (n < 0) {
		what = NULL;
		return parse_fail_memory(p);
	}
	dialect_origin(p->document, &p->place, &written);
	return document_fail(p->document, &written, "%s", what);
}

int parse_fail_kind(const struct parse *p, const char *wanted, const json_t *value)
{
	return parse_fail(p, "must be %s, not %s", wanted, scalar_kind(value));
}

int parse_fail_member(struct parse *p, const char *key, const char *inner, const char *what)
{
	place_push_key(&p->place, key);
	if (inner)
		place_push_key(&p->place, inner);
	return parse_fail(p, "%s", what);
}

int parse_fail_memory(const struct parse *p)
{
	return document_fail_memory(p->document);
}

int parse_warn(struct parse *p, const char *fmt, ...)
{
	char *warning = NULL;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vasprintf(&warning, fmt, args);
	va_end(args);
	if (n < 0 || strings_add(&p->config->warnings, warning) < 0)
		return parse_fail_memory(p);
	return 0;
}

int parse_note_later(struct parse *p, const char *key, const json_t *value)
{
	if (p->later && json_object_set(p->later, key, (json_t *)value) < 0)
		return parse_fail_memory(p);
	return 0;
}

static const struct field *find_field(const struct field *fields, size_t n_fields, const char *key)
{
	for (size_t i = 0; i < n_fields; i++) {
		if (!strcmp(fields[i].key, key))
			return &fields[i];
	}
	return NULL;
}

static int fail_unknown(const struct parse *p, const struct field *fields, size_t n_fields,
			const char *key)
{
	const char *candidates[FIELDS_MAX];
	cleanup_text struct text known = {0};
	const char *near;

	assert(n_fields <= FIELDS_MAX);
	for (size_t i = 0; i < n_fields; i++) {
		candidates[i] = fields[i].key;
		text_addf(&known, "%s%s", i > 0 ? " " : "", fields[i].key);
	}
	near = text_nearest(key, candidates, n_fields);
	if (near)
		return parse_fail(p, "unknown key, did you mean '%s'?", near);
	return parse_fail(p, "unknown key; known are: %s", known.data ? known.data : "none");
}

static int read_member(struct parse *p, const char *key, const json_t *value, const struct field *f,
		       void *target)
{
	int r;

	r = f->read(p, value, f, (char *)target + f->offset);
	if (r == 0 && f->later)
		r = parse_note_later(p, key, value);
	return r;
}

int parse_object(struct parse *p, const json_t *object, const struct field *fields, size_t n_fields,
		 void *target)
{
	const char *key;
	json_t *value;

	if (!json_is_object(object))
		return parse_fail_kind(p, "an object", object);
	json_object_foreach((json_t *)object, key, value) {
		const struct field *f = find_field(fields, n_fields, key);
		int r;

		place_push_key(&p->place, key);
		r = f ? read_member(p, key, value, f, target)
		      : fail_unknown(p, fields, n_fields, key);
		if (r < 0)
			return r;
		place_pop(&p->place);
	}
	return 0;
}

int parse_name(const struct parse *p, const char *name)
{
	if (!p->rules->own_daemons && text_name_reserved(name))
		return parse_fail(p,
				  "'%s' is the name of one of slicekeep's own daemons: choose "
				  "another one",
				  name);
	if (!text_name_valid(name))
		return parse_fail(p,
				  "no valid name: a-z, 0-9, '-' and '_', first a letter or a "
				  "digit, at most %d",
				  CONFIG_NAME_MAX);
	return 0;
}
