/* SPDX-License-Identifier: MIT */

/*
 * JSON values as the text that a program gets in its arguments and environment.
 *
 * jansson prints a real with all of its 17 digits, 0.1 as 0.10000000000000001; a person who wrote
 * 0.1 expects to see 0.1, so the shortest text that reads back as the same number is taken.
 */

#include "config/scalar.h"

#include <stdio.h>
#include <string.h>

#define REAL_DIGITS_MIN 15
#define REAL_DIGITS_MAX 17

static char *real_text(double value)
{
	char buf[64];

	for (int digits = REAL_DIGITS_MIN; digits <= REAL_DIGITS_MAX; digits++) {
		(void)snprintf(buf, sizeof(buf), "%.*g", digits, value);
		if (strtod(buf, NULL) == value)
			break;
	}
	return strdup(buf);
}

char *scalar_text(const json_t *value)
{
	char buf[32];

	switch (json_typeof(value)) {
	case JSON_STRING:
		return strdup(json_string_value(value));
	case JSON_INTEGER:
		(void)snprintf(buf, sizeof(buf), "%" JSON_INTEGER_FORMAT,
			       json_integer_value(value));
		return strdup(buf);
	case JSON_REAL:
		return real_text(json_real_value(value));
	case JSON_TRUE:
		return strdup("true");
	case JSON_FALSE:
		return strdup("false");
	case JSON_NULL:
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	errno = EINVAL;
	return NULL;
}

char *scalar_argument(const json_t *value)
{
	char *s;

	if (!json_is_object(value) && !json_is_array(value) && !json_is_null(value))
		return scalar_text(value);
	s = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	if (!s)
		errno = ENOMEM;
	return s;
}

const char *scalar_kind(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "an integer";
	case JSON_REAL:
		return "a fraction";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	case JSON_NULL:
		return "null";
	case JSON_ARRAY:
		return "an array";
	case JSON_OBJECT:
		return "an object";
	}
	return "something else";
}
