/* SPDX-License-Identifier: MIT */
/*
 * Numbers as a person would say them. Pure: what they mean was decided elsewhere.
 */
#include "cli/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/json.h"
#include "lib/text.h"
#include "lib/units.h"

const char *words_duration(usec_t usec, char buf[static WORDS_MAX])
{
	char units[UNITS_TEXT_MAX];

	/* Rounded down, so that nothing is said to have lived longer than it did. */
	if (usec < 100 * USEC_PER_MSEC)
		(void)snprintf(buf, WORDS_MAX, "%" PRIu64 "ms", usec / USEC_PER_MSEC);
	else if (usec < 10 * USEC_PER_SEC)
		(void)snprintf(buf, WORDS_MAX, "%" PRIu64 ".%" PRIu64 "s", usec / USEC_PER_SEC,
			       usec % USEC_PER_SEC / (100 * USEC_PER_MSEC));
	else
		(void)snprintf(buf, WORDS_MAX, "%s", duration_format(usec, units));
	return buf;
}

const char *words_ordinal(uint64_t n, char buf[static WORDS_MAX])
{
	static const char *const words[] = {
		"0th",   "first",   "second", "third", "fourth", "fifth",
		"sixth", "seventh", "eighth", "ninth", "tenth",
	};
	static const char *const ends[] = {"th", "st", "nd", "rd"};
	bool teen = n / 10 % 10 == 1;

	if (n < ARRAY_LEN(words))
		(void)snprintf(buf, WORDS_MAX, "%s", words[n]);
	else
		(void)snprintf(buf, WORDS_MAX, "%" PRIu64 "%s", n,
			       !teen && n % 10 < ARRAY_LEN(ends) ? ends[n % 10] : "th");
	return buf;
}

const char *words_plural(uint64_t n, const char *one, const char *many, char buf[static WORDS_MAX])
{
	(void)snprintf(buf, WORDS_MAX, "%" PRIu64 " %s", n, n == 1 ? one : many);
	return buf;
}

const char *words_exit(const json_t *exit, char buf[static WORDS_MAX])
{
	const char *cause = json_get_string(exit, "cause");
	const char *signal = json_get_string(exit, "signal");

	if (!cause)
		cause = "unknown";
	if (strcmp(cause, "exit") == 0)
		(void)snprintf(buf, WORDS_MAX, "exit %" PRIu64, json_get_uint(exit, "code", 0));
	else if (strcmp(cause, "signal") == 0 && signal)
		(void)snprintf(buf, WORDS_MAX, "%s", signal);
	else
		(void)snprintf(buf, WORDS_MAX, "%s", cause);
	return buf;
}

void words_add_quoted(struct text *out, const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-_./:=,+@";

	if (s[0] != '\0' && strspn(s, plain) == strlen(s)) {
		text_add(out, s);
		return;
	}
	text_add(out, "'");
	for (; *s; s++) {
		if (*s == '\'')
			text_add(out, "'\\''");
		else
			text_add_bytes(out, s, 1);
	}
	text_add(out, "'");
}

void words_list(struct text *out, const json_t *strings)
{
	json_t *string;
	size_t i;

	json_array_foreach(strings, i, string) {
		const char *s = json_string_value(string);

		text_addf(out, "%s%s", i > 0 ? ", " : "", s ? s : "?");
	}
}

void words_ports(struct text *out, const json_t *ports)
{
	json_t *port;
	size_t i;

	if (json_array_size(ports) == 0)
		text_add(out, "-");
	json_array_foreach(ports, i, port)
		text_addf(out, "%s%" JSON_INTEGER_FORMAT, i > 0 ? " " : "",
			  json_integer_value(port));
}

const char *words_percent(uint64_t usec_per_sec, char buf[static WORDS_MAX])
{
	(void)snprintf(buf, WORDS_MAX, "%" PRIu64 "%%",
		       (usec_per_sec + USEC_PER_SEC / 200) / (USEC_PER_SEC / 100));
	return buf;
}

const char *words_bytes(uint64_t bytes, char buf[static WORDS_MAX])
{
	char size[UNITS_TEXT_MAX];

	(void)snprintf(buf, WORDS_MAX, "%s", bytes == 0 ? "0" : size_format(bytes, size));
	return buf;
}

const char *words_count(uint64_t n, char buf[static WORDS_MAX])
{
	(void)snprintf(buf, WORDS_MAX, "%" PRIu64, n);
	return buf;
}

const char *words_usage(const json_t *object, const char *key,
			const char *(*format)(uint64_t value, char buf[static WORDS_MAX]),
			char buf[static WORDS_MAX])
{
	uint64_t value = json_get_uint(object, key, UINT64_MAX);

	if (value == UINT64_MAX)
		(void)snprintf(buf, WORDS_MAX, "-");
	else
		(void)format(value, buf);
	return buf;
}

const char *words_memory(const json_t *object, char buf[static WORDS_MAX])
{
	char now[WORDS_MAX], max[WORDS_MAX];
	bool is_capped = json_object_get(object, "memory_max_bytes");

	words_usage(object, "memory_bytes", words_bytes, now);
	words_usage(object, "memory_max_bytes", words_bytes, max);
	(void)snprintf(buf, WORDS_MAX, "%.20s%s%.20s", now, is_capped ? "/" : "",
		       is_capped ? max : "");
	return buf;
}
