/* SPDX-License-Identifier: MIT */
#include "lib/json.h"

#include <string.h>

#include "lib/error.h"
#include "lib/text.h"

/*
 * Reading JSON objects into structs through tables.
 *
 * A table is read twice: first every row is checked, then every row is stored, so that a bad
 * field never leaves a struct half filled. Which type a row stores is told by its kind, and the
 * pointers are copied with memcpy(), because a row knows an offset and no type.
 *
 * Strings that leave us must be UTF-8 without NUL: jansson refuses the one, and every reader that
 * is as strict as ours refuses the other. Log lines are neither, hence json_text().
 */

static const char *const kind_words[] = {
	[JSON_KIND_STRING] = "a string",
	[JSON_KIND_BOOL] = "true or false",
	[JSON_KIND_INT] = "a whole number",
	[JSON_KIND_UINT] = "a whole number that is not negative",
	[JSON_KIND_ANY] = "a value",
	[JSON_KIND_OBJECT] = "an object",
	[JSON_KIND_ARRAY] = "an array",
};

static_assert(ARRAY_LEN(kind_words) == JSON_KIND_COUNT, "a kind without words");

static bool kind_matches(enum json_kind kind, const json_t *value)
{
	switch (kind) {
	case JSON_KIND_STRING:
		return json_is_string(value) &&
		       strlen(json_string_value(value)) == json_string_length(value);
	case JSON_KIND_BOOL:
		return json_is_boolean(value);
	case JSON_KIND_INT:
		return json_is_integer(value);
	case JSON_KIND_UINT:
		return json_is_integer(value) && json_integer_value(value) >= 0;
	case JSON_KIND_OBJECT:
		return json_is_object(value);
	case JSON_KIND_ARRAY:
		return json_is_array(value);
	case JSON_KIND_ANY:
	case JSON_KIND_COUNT:
		break;
	}
	return true;
}

static int store_string(const json_t *value, void *target)
{
	char *copy = strdup(json_string_value(value));
	char *old;

	if (!copy)
		return -ENOMEM;
	memcpy(&old, target, sizeof(old));
	free(old);
	memcpy(target, &copy, sizeof(copy));
	return 0;
}

static void store_reference(json_t *value, void *target)
{
	json_t *old;

	memcpy(&old, target, sizeof(old));
	json_incref(value);
	json_decref(old);
	memcpy(target, &value, sizeof(value));
}

static int store(enum json_kind kind, json_t *value, void *target)
{
	int64_t number = json_integer_value(value);
	bool truth = json_is_true(value);

	switch (kind) {
	case JSON_KIND_STRING:
		return store_string(value, target);
	case JSON_KIND_BOOL:
		memcpy(target, &truth, sizeof(truth));
		break;
	case JSON_KIND_INT:
	case JSON_KIND_UINT: /* not negative: the same bytes */
		memcpy(target, &number, sizeof(number));
		break;
	case JSON_KIND_ANY:
	case JSON_KIND_OBJECT:
	case JSON_KIND_ARRAY:
		store_reference(value, target);
		break;
	case JSON_KIND_COUNT:
		break;
	}
	return 0;
}

static int bad_field(struct error *err, const struct json_field *field, const char *what)
{
	return error_set_id(err, -EINVAL, "org.varlink.service.InvalidParameter", "\"%s\" %s %s",
			    field->key, what, kind_words[field->kind]);
}

static int check_field(const json_t *object, const struct json_field *field, struct error *err)
{
	const json_t *value = json_object_get(object, field->key);

	if (!value || json_is_null(value))
		return field->required ? bad_field(err, field, "is missing; it must be") : 0;
	return kind_matches(field->kind, value) ? 0 : bad_field(err, field, "must be");
}

int json_read_fields(const json_t *object, const struct json_field *fields, size_t n_fields,
		     void *target, struct error *err)
{
	if (!json_is_object(object))
		return error_set(err, -EINVAL, "expected a JSON object");
	for (size_t i = 0; i < n_fields; i++) {
		int r = check_field(object, &fields[i], err);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < n_fields; i++) {
		json_t *value = json_object_get(object, fields[i].key);

		if (!value || json_is_null(value))
			continue;
		if (store(fields[i].kind, value, (char *)target + fields[i].offset) < 0)
			return error_set(err, -ENOMEM, "out of memory");
	}
	return 0;
}

const char *json_get_string(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

uint64_t json_get_uint(const json_t *object, const char *key, uint64_t otherwise)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return otherwise;
	return (uint64_t)json_integer_value(value);
}

bool json_get_bool(const json_t *object, const char *key, bool otherwise)
{
	const json_t *value = json_object_get(object, key);

	return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

/* How many of the @n bytes at @s may stand in a JSON string as they are. */
static size_t clean_len(const char *s, size_t n)
{
	size_t clean = 0;

	while (clean < n && s[clean] != '\0') {
		size_t len = text_utf8_len(s + clean, n - clean);

		if (len == 0)
			break;
		clean += len;
	}
	return clean;
}

json_t *json_text(const char *s, size_t n_bytes)
{
	cleanup_text struct text repaired = {0};
	size_t clean = clean_len(s, n_bytes);
	cleanup_free char *data = NULL;
	size_t len;

	if (clean == n_bytes)
		return json_stringn_nocheck(s, n_bytes);
	while (n_bytes > 0) {
		text_add_bytes(&repaired, s, clean);
		s += clean;
		n_bytes -= clean;
		if (n_bytes == 0)
			break;
		text_add(&repaired, "\xef\xbf\xbd");
		s++;
		n_bytes--;
		clean = clean_len(s, n_bytes);
	}
	len = repaired.len;
	data = text_take(&repaired);
	return data ? json_stringn_nocheck(data, len) : NULL;
}
