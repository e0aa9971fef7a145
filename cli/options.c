/* SPDX-License-Identifier: MIT */
/*
 * Options of a verb, read through a table.
 *
 * Not getopt_long(3): it keeps its state in globals, prints its own complaints, and does not tell
 * where "--" stood, which `add NAME -- PROGRAM ARGS` has to know.
 */
#include "cli/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/error.h"
#include "lib/text.h"

#define OPTIONS_MAX 32

struct reader {
	const struct option_row *rows;
	size_t n_rows;
	char **next; /* the word after the one that is being read */
	void *target;
	struct error *err;
};

static const struct option_row *row_by_name(const struct reader *r, const char *name, size_t len)
{
	for (size_t i = 0; i < r->n_rows; i++) {
		if (strlen(r->rows[i].name) == len && memcmp(r->rows[i].name, name, len) == 0)
			return &r->rows[i];
	}
	return NULL;
}

static const struct option_row *row_by_letter(const struct reader *r, char letter)
{
	for (size_t i = 0; i < r->n_rows; i++) {
		if (r->rows[i].letter == letter)
			return &r->rows[i];
	}
	return NULL;
}

static int number_read(const char *s, uint64_t *ret_number)
{
	uint64_t n = 0;

	if (*s == '\0')
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*s - '0'), &n))
			return -EINVAL;
	}
	*ret_number = n;
	return 0;
}

static int option_store(struct reader *r, const struct option_row *row, const char *value)
{
	char *where = (char *)r->target + row->offset;

	switch (row->kind) {
	case OPTION_FLAG:
		*(bool *)where = true;
		return 0;
	case OPTION_TEXT:
		*(const char **)where = value;
		return 0;
	case OPTION_NUMBER:
		if (number_read(value, (uint64_t *)where) == 0)
			return 0;
		return error_set(r->err, -EINVAL, "\"--%s\" needs a whole number, not \"%s\"",
				 row->name, value);
	default:
		return -EINVAL;
	}
}

/* @value: behind "=" or the letter, or NULL: then it is the next word. */
static int option_take(struct reader *r, const struct option_row *row, const char *value)
{
	if (row->kind == OPTION_FLAG && value)
		return error_set(r->err, -EINVAL, "\"--%s\" takes no value", row->name);
	if (row->kind != OPTION_FLAG && !value) {
		value = *r->next;
		if (!value)
			return error_set(r->err, -EINVAL, "\"--%s\" needs a value: --%s %s",
					 row->name, row->name, row->value);
		r->next++;
	}
	return option_store(r, row, value);
}

static int read_long(struct reader *r, const char *word)
{
	const char *names[OPTIONS_MAX];
	size_t len = strcspn(word, "=");
	const struct option_row *row = row_by_name(r, word, len);
	char name[64];
	const char *near;

	if (row)
		return option_take(r, row, word[len] == '=' ? word + len + 1 : NULL);
	(void)snprintf(name, sizeof(name), "%.*s", (int)MIN_OF(len, sizeof(name) - 1), word);
	for (size_t i = 0; i < MIN_OF(r->n_rows, (size_t)OPTIONS_MAX); i++)
		names[i] = r->rows[i].name;
	near = text_nearest(name, names, MIN_OF(r->n_rows, (size_t)OPTIONS_MAX));
	if (near)
		return error_set(r->err, -EINVAL, "unknown option \"--%s\", did you mean \"--%s\"?",
				 name, near);
	return error_set(r->err, -EINVAL, "unknown option \"--%s\"", name);
}

/* "-fn5": flags, until a letter takes the rest as its value. */
static int read_letters(struct reader *r, const char *letters)
{
	for (; *letters; letters++) {
		const struct option_row *row = row_by_letter(r, *letters);
		int code;

		if (!row)
			return error_set(r->err, -EINVAL, "unknown option \"-%c\"", *letters);
		if (row->kind != OPTION_FLAG)
			return option_take(r, row, letters[1] ? letters + 1 : NULL);
		code = option_take(r, row, NULL);
		if (code < 0)
			return code;
	}
	return 0;
}

int options_read(const struct option_row *rows, size_t n_rows, char **argv, void *target,
		 struct options_rest *ret_rest, struct error *err)
{
	struct reader r = {rows, n_rows, argv, target, err};
	struct options_rest rest = {.words = argv};
	int code = 0;

	while (*r.next && code == 0) {
		char *word = *r.next++;

		if (strcmp(word, "--") == 0) {
			rest.tail = r.next;
			break;
		}
		if (text_starts(word, "--"))
			code = read_long(&r, word + 2);
		else if (word[0] == '-' && word[1] != '\0')
			code = read_letters(&r, word + 1);
		else
			rest.words[rest.n_words++] = word;
	}
	if (code < 0)
		return code;
	/* When "--" stood there, its own place is the last one that may be overwritten. */
	rest.words[rest.n_words] = NULL;
	*ret_rest = rest;
	return 0;
}
