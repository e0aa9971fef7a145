/* SPDX-License-Identifier: MIT */

/*
 * A config file as text and as JSON.
 *
 * Everything that can be wrong with a file before its meaning is looked at is found here, with the
 * line: what is no UTF-8, a NUL, a byte order mark, broken JSON, the same key twice, a nesting that
 * only an attacker writes. After this the text is known to be JSON, which is what lets place_line()
 * be a naive scanner, and the tree to be shallow, which is what lets the walks over it keep a stack
 * of fixed size.
 */

#include "config/document.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/error.h"
#include "lib/text.h"
#include "config/dialect.h"
#include "config/load.h"
#include "config/place.h"

int document_fail_memory(const struct document *d)
{
	return error_set(d->err, -ENOMEM, "%s: out of memory", d->file);
}

int document_fail(const struct document *d, const struct place *where, const char *fmt, ...)
{
	cleanup_text struct text what = {0};
	cleanup_text struct text place = {0};
	cleanup_free char *formatted = NULL;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vasprintf(&formatted, fmt, args);
	va_end(args);
	if (n < 0) {
		formatted = NULL;
		return document_fail_memory(d);
	}
	place_add_text(where, &place);
	if (place.len > 0)
		text_addf(&what, "%s: ", place.data);
	/* What is quoted from the file may hold anything; a terminal must survive it. */
	text_add_escaped(&what, formatted, strlen(formatted), false);
	return error_set(d->err, -EINVAL, "%s:%u: %s", d->file, place_line(where, d->text, d->len),
			 what.data ? what.data : "");
}

static int fail_at(const struct document *d, unsigned line, const char *what)
{
	return error_set(d->err, -EINVAL, "%s:%u: %s", d->file, line, what);
}

static unsigned line_of(const struct document *d, const char *at)
{
	unsigned line = 1;

	for (const char *c = d->text; c < at; c++)
		line += *c == '\n';
	return line;
}

/* Line by line, so that the error can name the line. */
static int check_utf8(const struct document *d)
{
	const char *end = d->text + d->len;
	unsigned line = 1;

	for (const char *c = d->text; c < end; line++) {
		const char *newline = memchr(c, '\n', (size_t)(end - c));
		const char *line_end = newline ? newline : end;

		if (!text_utf8_valid(c, (size_t)(line_end - c)))
			return fail_at(d, line, "not valid UTF-8: save the file in UTF-8");
		c = newline ? newline + 1 : end;
	}
	return 0;
}

static int check_bytes(const struct document *d)
{
	const char *nul;

	if (d->len > CONFIG_BYTES_MAX)
		return error_set(d->err, -EFBIG, "%s: larger than %zu MB: not a config file",
				 d->file, CONFIG_BYTES_MAX / 1024 / 1024);
	if (d->len == 0)
		return fail_at(d, 1, "empty: write at least {\"processes\": {}}");
	nul = memchr(d->text, 0, d->len);
	if (nul)
		return fail_at(d, line_of(d, nul), "a NUL byte: not a text file");
	if (d->len >= 3 && !memcmp(d->text, "\xef\xbb\xbf", 3))
		return fail_at(d, 1, "begins with a byte order mark: save it as UTF-8 without one");
	return check_utf8(d);
}

static int fail_json(const struct document *d, const json_error_t *e)
{
	unsigned line = e->line > 0 ? (unsigned)e->line : 1;
	cleanup_text struct text what = {0};

	/* What jansson has no words for is an allocation that failed. */
	if (json_error_code(e) == json_error_out_of_memory || !e->text[0])
		return document_fail_memory(d);
	if (json_error_code(e) == json_error_null_character ||
	    json_error_code(e) == json_error_null_byte_in_key)
		return fail_at(d, line, "\\u0000 in a text: no program can be given that");
	text_add(&what, json_error_code(e) == json_error_duplicate_key ? "a key is there twice: "
								       : "not valid JSON: ");
	text_add_escaped(&what, e->text, strlen(e->text), false);
	return fail_at(d, line, what.data ? what.data : "not valid JSON");
}

/* Opening brackets outside of strings, counted in text that is valid JSON. */
static int check_depth(const struct document *d)
{
	unsigned line = 1, depth = 0;
	bool in_string = false;

	for (const char *c = d->text; c < d->text + d->len; c++) {
		if (*c == '\n')
			line++;
		else if (in_string && *c == '\\')
			c++;
		else if (*c == '"')
			in_string = !in_string;
		else if (in_string)
			continue;
		else if (*c == '}' || *c == ']')
			depth--;
		else if ((*c == '{' || *c == '[') && ++depth > CONFIG_DEPTH_MAX)
			return fail_at(d, line, "nested too deep: 32 levels are the most");
	}
	return 0;
}

int document_read(struct document *d)
{
	json_error_t e;
	int r;

	r = check_bytes(d);
	if (r < 0)
		return r;
	d->root = json_loadb(d->text, d->len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
	if (!d->root)
		return fail_json(d, &e);
	if (!json_is_object(d->root))
		return fail_at(d, 1, "must hold one JSON object: {\"processes\": {…}}");
	r = check_depth(d);
	if (r < 0)
		return r;
	d->flat = dialect_is_flat(d->root);
	return 0;
}

void document_done(struct document *d)
{
	json_decref(d->root);
	d->root = NULL;
}
