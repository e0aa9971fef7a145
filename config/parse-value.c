/* SPDX-License-Identifier: MIT */

/*
 * Readers for the values that many keys share: texts, paths, numbers, sizes, durations, words.
 *
 * Each says what it would have wanted, with an example where a person is likely to have meant
 * something else: a size of 256 was probably 256M, a duration of 5 probably "5s".
 */

#include <stdio.h>
#include <string.h>

#include "lib/file.h"
#include "lib/text.h"
#include "lib/units.h"
#include "config/address.h"
#include "config/model.h"
#include "config/parse.h"
#include "config/pattern.h"
#include "config/scalar.h"
#include "config/vector.h"

#define TEXT_BYTES_MAX 4096
#define VALUE_BYTES_MAX (128 * 1024 - 1) /* what one string of argv or environ may hold */
#define SIZE_BYTES_MAX (UINT64_C(1) << 60)

static int set_text(const struct parse *p, void *member, char *s)
{
	char **target = member;

	if (!s)
		return parse_fail_memory(p);
	free(*target);
	*target = s;
	return 0;
}

static int check_text(const struct parse *p, const json_t *value, uint64_t max)
{
	if (!json_is_string(value))
		return parse_fail_kind(p, "a string", value);
	if (json_string_length(value) == 0)
		return parse_fail(p, "must not be empty");
	if (json_string_length(value) > max)
		return parse_fail(p, "longer than %llu bytes", (unsigned long long)max);
	return 0;
}

int parse_text(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	int r;

	r = check_text(p, value, f->max ? f->max : TEXT_BYTES_MAX);
	return r < 0 ? r : set_text(p, member, strdup(json_string_value(value)));
}

int parse_path(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	int r;

	r = check_text(p, value, TEXT_BYTES_MAX - 1);
	if (r < 0)
		return r;
	return set_text(p, member, file_path_join(p->config->folder, json_string_value(value)));
}

int parse_bool(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	bool *target = member;

	if (!json_is_boolean(value))
		return parse_fail_kind(p, "true or false", value);
	*target = json_is_true(value);
	return 0;
}

/* Any integer in [min, max]; both fit json_int_t. */
static int check_integer(const struct parse *p, const json_t *value, uint64_t min, uint64_t max)
{
	json_int_t n = json_integer_value(value);

	if (n < 0 || (uint64_t)n < min || (uint64_t)n > max)
		return parse_fail(p, "%" JSON_INTEGER_FORMAT " is out of range: %llu to %llu", n,
				  (unsigned long long)min, (unsigned long long)max);
	return 0;
}

int parse_unsigned(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	unsigned *target = member;
	int r;

	if (!json_is_integer(value))
		return parse_fail_kind(p, "an integer", value);
	r = check_integer(p, value, f->min, f->max);
	if (r == 0)
		*target = (unsigned)json_integer_value(value);
	return r;
}

int parse_integer(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	uint64_t *target = member;
	int r;

	if (!json_is_integer(value))
		return parse_fail_kind(p, "an integer", value);
	r = check_integer(p, value, f->min, f->max);
	if (r == 0)
		*target = (uint64_t)json_integer_value(value);
	return r;
}

static int read_size_text(const struct parse *p, const char *s, uint64_t *ret_bytes)
{
	int r = size_parse(s, ret_bytes);

	if (r == -ERANGE)
		return parse_fail(p, "'%s' is more than any machine has", s);
	if (r < 0)
		return parse_fail(p, "'%s' is no size: write bytes, \"64M\", \"1.5G\" or \"max\"",
				  s);
	return 0;
}

int parse_size(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	uint64_t *target = member, bytes = 0;
	char least[UNITS_TEXT_MAX];
	int r = 0;

	if (json_is_string(value))
		r = read_size_text(p, json_string_value(value), &bytes);
	else if (!json_is_integer(value))
		return parse_fail_kind(p, "a size such as \"64M\"", value);
	else if (json_integer_value(value) < 0)
		return parse_fail(p, "%" JSON_INTEGER_FORMAT " is no size",
				  json_integer_value(value));
	else
		bytes = (uint64_t)json_integer_value(value);
	if (r < 0)
		return r;
	if (bytes > SIZE_BYTES_MAX && bytes != SIZE_INFINITY)
		return parse_fail(p, "is more than any machine has");
	if (bytes < f->min && bytes == 0)
		return parse_fail(p, "0 bytes are too few, at least %s",
				  size_format(f->min, least));
	if (bytes < f->min)
		return parse_fail(p, "%llu bytes are too few, at least %s: did you mean \"%lluM\"?",
				  (unsigned long long)bytes, size_format(f->min, least),
				  (unsigned long long)bytes);
	*target = bytes;
	return 0;
}

int parse_duration(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	usec_t *target = member, usec = 0;
	char low[UNITS_TEXT_MAX], high[UNITS_TEXT_MAX];
	const char *s = json_string_value(value);
	int r;

	if (json_is_integer(value))
		return parse_fail(p,
				  "a duration needs a unit: \"%" JSON_INTEGER_FORMAT
				  "s\" or \"%" JSON_INTEGER_FORMAT "ms\"",
				  json_integer_value(value), json_integer_value(value));
	if (!s)
		return parse_fail_kind(p, "a duration such as \"10s\"", value);
	r = duration_parse(s, &usec);
	if (r == -EINVAL)
		return parse_fail(p, "'%s' is no duration: write \"100ms\", \"10s\", \"1h30m\"", s);
	if (r < 0 || usec < f->min || usec > f->max)
		return parse_fail(p, "'%s' is out of range: %s to %s", s,
				  duration_format(f->min, low), duration_format(f->max, high));
	*target = usec;
	return 0;
}

static int fail_word(const struct parse *p, const char *s, const char *const *words, size_t n)
{
	const char *near = text_nearest(s, words, n);
	cleanup_text struct text known = {0};

	if (near)
		return parse_fail(p, "unknown '%s', did you mean '%s'?", s, near);
	for (size_t i = 0; i < n; i++)
		text_addf(&known, "%s'%s'", i > 0 ? ", " : "", words[i]);
	return parse_fail(p, "unknown '%s': one of %s", s, known.data ? known.data : "");
}

int parse_word(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	const char *s = json_string_value(value);
	int *target = member;
	int n = 0;

	if (!s)
		return parse_fail_kind(p, "a word", value);
	for (; f->words[n]; n++) {
		if (!strcmp(f->words[n], s)) {
			*target = n;
			return 0;
		}
	}
	return fail_word(p, s, f->words, (size_t)n);
}

static int read_strings(struct parse *p, const json_t *array, const struct field *f, void *member,
			field_reader *read)
{
	char ***target = member;
	cleanup_strings char **strings = NULL;
	size_t i;
	json_t *value;
	int r;

	if (!json_is_array(array))
		return parse_fail_kind(p, "an array", array);
	if (json_array_size(array) < f->min || json_array_size(array) > f->max)
		return parse_fail(p, "holds %zu: %llu to %llu are allowed", json_array_size(array),
				  (unsigned long long)f->min, (unsigned long long)f->max);
	json_array_foreach((json_t *)array, i, value) {
		char *s = NULL;

		place_push_index(&p->place, i);
		r = read(p, value, &(struct field){0}, &s);
		if (r < 0)
			return r;
		if (strings_add(&strings, s) < 0)
			return parse_fail_memory(p);
		place_pop(&p->place);
	}
	strings_free(*target);
	*target = steal_ptr(strings);
	return 0;
}

int parse_strings(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	return read_strings(p, value, f, member, parse_text);
}

int parse_paths(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	return read_strings(p, value, f, member, parse_path);
}

int parse_borrowed(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	const json_t **target = member;

	*target = value;
	return 0;
}

int parse_address(const struct parse *p, const char *address)
{
	if (address_is_bindable(address))
		return 0;
	if (address[0] == '/')
		return parse_fail(p, "'%s' is too long for a Unix socket: %d bytes at most",
				  address, ADDRESS_PATH_MAX);
	return parse_fail(p,
			  "'%s' is no address: write \"127.0.0.1:8080\", \"[::]:80\" or the "
			  "absolute path of a socket",
			  address);
}

int parse_regex(const struct parse *p, const char *regex)
{
	char buf[PATTERN_FAULT_MAX];
	const char *fault = pattern_fault(regex, buf);

	return fault ? parse_fail(p, "'%s' cannot be used: %s", regex, fault) : 0;
}

int parse_vector(const struct parse *p, const json_t *array, bool any, char ***ret_strings)
{
	cleanup_strings char **strings = NULL;
	size_t i;
	json_t *value;

	json_array_foreach((json_t *)array, i, value) {
		cleanup_free char *s = any ? scalar_argument(value) : scalar_text(value);

		if (!s && errno == EINVAL)
			return parse_fail(p, "entry %zu must be a text, not %s", i,
					  scalar_kind(value));
		if (s && strlen(s) > VALUE_BYTES_MAX)
			return parse_fail(p, "entry %zu is longer than %d bytes", i,
					  VALUE_BYTES_MAX);
		if (strings_add(&strings, steal_ptr(s)) < 0)
			return parse_fail_memory(p);
	}
	*ret_strings = steal_ptr(strings);
	return 0;
}

/* Names that the keeper gives to a payload itself. */
static bool is_the_keepers(const char *key)
{
	static const char *const keys[] = {"NOTIFY_SOCKET",  "LISTEN_FDS",    "LISTEN_PID",
					   "LISTEN_FDNAMES", "WATCHDOG_USEC", "WATCHDOG_PID"};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (!strcmp(key, keys[i]))
			return true;
	}
	return false;
}

static int read_variable(const struct parse *p, const char *key, const json_t *value,
			 char ***strings)
{
	cleanup_free char *text = NULL;
	char *line;

	if (!*key || strchr(key, '='))
		return parse_fail(p, "no name of an environment variable");
	if (is_the_keepers(key))
		return parse_fail(p, "is set by slicekeep itself: leave it out");
	text = scalar_text(value);
	if (!text && errno == EINVAL)
		return parse_fail_kind(p, "a text, number or boolean", value);
	if (!text)
		return parse_fail_memory(p);
	if (strlen(key) + strlen(text) > VALUE_BYTES_MAX - 1)
		return parse_fail(p, "longer than %d bytes", VALUE_BYTES_MAX);
	if (asprintf(&line, "%s=%s", key, text) < 0)
		return parse_fail_memory(p);
	return strings_add(strings, line) < 0 ? parse_fail_memory(p) : 0;
}

int parse_environment(struct parse *p, const json_t *object, const struct field *f, void *member)
{
	char ***target = member;
	cleanup_strings char **strings = NULL;
	const char *key;
	json_t *value;

	if (!json_is_object(object))
		return parse_fail_kind(p, "an object", object);
	if (json_object_size(object) > f->max)
		return parse_fail(p, "more than %llu variables", (unsigned long long)f->max);
	json_object_foreach((json_t *)object, key, value) {
		int r;

		place_push_key(&p->place, key);
		r = read_variable(p, key, value, &strings);
		if (r < 0)
			return r;
		place_pop(&p->place);
	}
	strings_free(*target);
	*target = steal_ptr(strings);
	return 0;
}
