/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

struct error;

/** json_decref_ptr() - clean-up handler behind cleanup_json */
static inline void json_decref_ptr(json_t **j)
{
	json_decref(*j);
}

#define cleanup_json cleanup(json_decref_ptr)

enum json_kind {
	JSON_KIND_STRING, /* char *: heap copy, the old one is freed */
	JSON_KIND_BOOL,   /* bool */
	JSON_KIND_INT,    /* int64_t */
	JSON_KIND_UINT,   /* uint64_t, refuses negative numbers */
	JSON_KIND_ANY,    /* json_t *: a reference, the old one is dropped */
	JSON_KIND_OBJECT, /* json_t *, must be an object */
	JSON_KIND_ARRAY,  /* json_t *, must be an array */
	JSON_KIND_COUNT,
};

/**
 * struct json_field - one row of a table that reads an object into a struct
 * @key:      member of the JSON object
 * @kind:     what it must be
 * @offset:   where in the struct it goes: offsetof(struct x, y)
 * @required: an absent member is an error
 */
struct json_field {
	const char *key;
	enum json_kind kind;
	size_t offset;
	bool required;
};

/**
 * json_read_fields() - fill a struct from an object, tolerant of unknown keys (the wire)
 * @object: borrowed
 * @fields: @n_fields rows
 * @target: struct; members whose key is absent or null keep their value
 *
 * Return: 0, -EINVAL with the name of the bad field (the id is
 * org.varlink.service.InvalidParameter), -ENOMEM.
 */
must_check int json_read_fields(const json_t *object, const struct json_field *fields,
				size_t n_fields, void *target, struct error *err);

/** json_get_string() - the string member @key of @object, or NULL; borrowed */
const char *json_get_string(const json_t *object, const char *key);

/** json_get_uint() - the non-negative integer member @key, or @otherwise */
uint64_t json_get_uint(const json_t *object, const char *key, uint64_t otherwise);

/** json_get_bool() - the boolean member @key, or @otherwise */
bool json_get_bool(const json_t *object, const char *key, bool otherwise);

/**
 * json_text() - bytes as a JSON string: those that are no UTF-8, and NUL, become U+FFFD
 *
 * Return: a new reference, or NULL when out of memory.
 */
json_t *json_text(const char *s, size_t n_bytes);
