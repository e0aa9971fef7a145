/* SPDX-License-Identifier: MIT */
/*
 * Changing a config file as a person would: one member is replaced, added or taken out, and nothing
 * else moves. Whether the result is a config is the parser's business.
 *
 * A file is of one of two dialects: with "processes" beside other sections, or flat, each top-level
 * key a process. An empty file becomes the first.
 */
#include "config/edit.h"

#include <string.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/text.h"

/** An array is printed on one line up to here, as a person would. */
#define LINE_MAX_BYTES 80

static bool is_section(const char *name)
{
	static const char *const sections[] = {
		"env", "slices", "webhooks", "ci", "log", "dashboard", "router",
	};

	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		if (strcmp(sections[i], name) == 0)
			return true;
	}
	return false;
}

static bool is_flat(const json_t *root)
{
	return json_object_size(root) > 0 && !json_object_get(root, "processes") &&
	       !json_object_get(root, "webhooks");
}

/* The object that @name is a member of; NULL when there is none yet. */
static json_t *holder_of(const json_t *root, const char *name)
{
	if (is_flat(root) || is_section(name))
		return (json_t *)root;
	return json_object_get(root, "processes");
}

json_t *edit_find(const json_t *root, const char *name)
{
	return json_object_get(holder_of(root, name), name);
}

int edit_set(json_t *root, const char *name, json_t *value)
{
	cleanup_json json_t *kept = value;
	json_t *holder = holder_of(root, name);

	if (!kept)
		return -ENOMEM;
	if (!holder) {
		holder = json_object();
		if (json_object_set_new(root, "processes", holder) < 0)
			return -ENOMEM;
	}
	return json_object_set(holder, name, kept) < 0 ? -ENOMEM : 0;
}

int edit_delete(json_t *root, const char *name)
{
	return json_object_del(holder_of(root, name), name) < 0 ? -ENOENT : 0;
}

int edit_parse(const char *text, const char *what, json_t **ret_value, struct error *err)
{
	json_error_t at;
	json_t *value = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &at);

	if (!value)
		return error_set(err, -EINVAL, "%s is no JSON: line %d, column %d: %s", what,
				 at.line, at.column, at.text);
	*ret_value = value;
	return 0;
}

/* Return: behind the string that begins at @s. */
static const char *string_end(const char *s)
{
	for (s++; *s != '"'; s++)
		s += *s == '\\';
	return s + 1;
}

/* The array that begins at @s, on one line. Return: behind it, or NULL when something is in it that
 * has members of its own. */
static const char *add_flat_array(struct text *out, const char *s)
{
	for (; *s != ']'; s++) {
		const char *end;

		if (*s == '{' || (*s == '[' && out->len > 0))
			return NULL;
		end = *s == '"' ? string_end(s) : s + 1;
		if (*s == ',')
			text_add(out, ", ");
		else if (*s != ' ' && *s != '\n')
			text_add_bytes(out, s, (size_t)(end - s));
		s = end - 1;
	}
	text_add(out, "]");
	return s + 1;
}

/* What is printed for @s, one string, short array or byte at a time. Return: behind it. */
static const char *add_next(struct text *out, const char *s, size_t column)
{
	cleanup_text struct text flat = {0};
	const char *end = *s == '[' ? add_flat_array(&flat, s) : NULL;

	if (end && !flat.failed && column + flat.len <= LINE_MAX_BYTES) {
		text_add_bytes(out, flat.data, flat.len);
		return end;
	}
	end = *s == '"' ? string_end(s) : s + 1;
	text_add_bytes(out, s, (size_t)(end - s));
	return end;
}

char *edit_text(const json_t *root)
{
	/* 15 digits are all that a double keeps: 0.1 stays 0.1. */
	cleanup_free char *dumped = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	struct text text = {0};
	size_t line = 0;

	if (!dumped)
		return NULL;
	for (const char *s = dumped; *s;) {
		if (*s == '\n')
			line = text.len + 1;
		s = add_next(&text, s, text.len - line);
	}
	text_add(&text, "\n");
	return text_take(&text);
}
