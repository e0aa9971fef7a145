/* SPDX-License-Identifier: MIT */
#include "lib/dotenv.h"

#include <string.h>

#include "lib/error.h"
#include "lib/text.h"

/*
 * Files of KEY=VALUE lines, in the dialect that most tools agree on.
 *
 * One pass over bytes of a known length, with a line number beside it; a value is collected in a
 * struct text and becomes part of the vector when its line has ended well. What the file says is
 * secret: an error names the line and the rule, never a byte of it.
 *
 * Who writes such a file may be less trusted than who reads it, so all assignments are counted, not
 * only the different ones: a file of a million lines that set one variable is refused as well.
 */

/**
 * struct reader - where we are in the file
 * @at:   next byte
 * @end:  behind the last one
 * @line: number of the line that @at is in
 * @env:  @n_env strings so far, NULL-terminated
 * @n_assignments: lines that set a variable
 * @err:  for the caller
 */
struct reader {
	const char *at;
	const char *end;
	unsigned line;
	char **env;
	size_t n_env;
	size_t n_assignments;
	struct error *err;
};

static int peek(const struct reader *r)
{
	return r->at < r->end ? (unsigned char)*r->at : -1;
}

static int next(struct reader *r)
{
	int c = peek(r);

	if (c >= 0)
		r->at++;
	if (c == '\n')
		r->line++;
	return c;
}

static bool is_blank(int c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_line_end(int c)
{
	return c == '\n' || c < 0;
}

static void skip_blanks(struct reader *r)
{
	while (is_blank(peek(r)))
		next(r);
}

static void skip_line(struct reader *r)
{
	while (!is_line_end(peek(r)))
		next(r);
}

static int fail(const struct reader *r, unsigned line, const char *what)
{
	return error_set(r->err, -EINVAL, "line %u: %s", line, what);
}

static int out_of_memory(const struct reader *r)
{
	return error_set(r->err, -ENOMEM, "out of memory");
}

static bool is_key(int c, bool first)
{
	if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_')
		return true;
	return !first && c >= '0' && c <= '9';
}

static void read_word(struct reader *r, struct text *word)
{
	while (is_key(peek(r), word->len == 0)) {
		char c = (char)next(r);

		text_add_bytes(word, &c, 1);
	}
}

/* Reads [export] KEY = up to the value. */
static int read_key(struct reader *r, struct text *key)
{
	read_word(r, key);
	if (text_equal(key->data, "export") && (peek(r) == ' ' || peek(r) == '\t')) {
		skip_blanks(r);
		if (peek(r) != '=') {
			text_done(key);
			read_word(r, key);
		}
	}
	if (key->failed)
		return out_of_memory(r);
	if (key->len == 0)
		return fail(r, r->line, "expected the name of a variable: letters, digits and _");
	skip_blanks(r);
	if (peek(r) != '=')
		return fail(r, r->line, "expected = behind the name of the variable");
	next(r);
	skip_blanks(r);
	return 0;
}

/* What stands for @c behind a backslash in "…"; 0 when the backslash means itself. */
static char unescape(int c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case 'r':
		return '\r';
	case '\\':
	case '"':
	case '$':
		return (char)c;
	default:
		return 0;
	}
}

static int read_quoted(struct reader *r, struct text *value, char quote)
{
	unsigned line = r->line;

	next(r);
	for (int c = next(r); c != quote; c = next(r)) {
		char byte = (char)c;

		if (c < 0)
			return fail(r, line, "the quote is not closed");
		if (quote == '"' && c == '\\' && unescape(peek(r)))
			byte = unescape(next(r));
		text_add_bytes(value, &byte, 1);
	}
	skip_blanks(r);
	if (!is_line_end(peek(r)) && peek(r) != '#')
		return fail(r, r->line, "something stands behind the closing quote");
	skip_line(r);
	return 0;
}

/* Reads up to the end of the line, or to a comment with a blank in front of it. */
static void read_unquoted(struct reader *r, struct text *value)
{
	const char *start = r->at;
	const char *stop = start;

	while (!is_line_end(peek(r)) && (peek(r) != '#' || !is_blank(r->at[-1]))) {
		if (!is_blank(next(r)))
			stop = r->at;
	}
	text_add_bytes(value, start, (size_t)(stop - start));
	skip_line(r);
}

/* Puts KEY=VALUE in the vector, in the place of an earlier one. */
static int set_variable(struct reader *r, const char *key, const struct text *value)
{
	cleanup_text struct text pair = {0};
	size_t len;
	size_t i = 0;
	char *string;

	text_add(&pair, key);
	text_add(&pair, "=");
	len = pair.len;
	text_add(&pair, value->data);
	string = value->failed ? NULL : text_take(&pair);
	if (!string)
		return out_of_memory(r);
	while (i < r->n_env && strncmp(r->env[i], string, len) != 0)
		i++;
	free(r->env[i]);
	r->env[i] = string;
	r->n_env += i == r->n_env;
	return 0;
}

static int read_assignment(struct reader *r)
{
	cleanup_text struct text key = {0};
	cleanup_text struct text value = {0};
	int result;

	if (++r->n_assignments > DOTENV_VARIABLES_MAX)
		return error_set(r->err, -EFBIG, "line %u: more than %d variables", r->line,
				 DOTENV_VARIABLES_MAX);
	result = read_key(r, &key);
	if (result < 0)
		return result;
	if (peek(r) == '"' || peek(r) == '\'')
		result = read_quoted(r, &value, (char)peek(r));
	else
		read_unquoted(r, &value);
	if (result < 0)
		return result;
	return set_variable(r, key.data, &value);
}

static int read_lines(struct reader *r)
{
	while (r->at < r->end) {
		int result = 0;

		skip_blanks(r);
		if (peek(r) == '#')
			skip_line(r);
		else if (!is_line_end(peek(r)))
			result = read_assignment(r);
		if (result < 0)
			return result;
		next(r);
	}
	return 0;
}

int dotenv_parse(const char *text, size_t len, char ***ret_env, struct error *err)
{
	static const char byte_order_mark[] = "\xef\xbb\xbf";
	cleanup_strings char **env = NULL;
	struct reader r = {.at = text, .end = text + len, .line = 1, .err = err};
	int result;

	if (len > DOTENV_BYTES_MAX)
		return error_set(err, -EFBIG, "longer than %d bytes", DOTENV_BYTES_MAX);
	if (len > 0 && memchr(text, '\0', len))
		return error_set(err, -EINVAL, "holds a NUL byte; it must be a text file");
	if (len >= 3 && memcmp(text, byte_order_mark, 3) == 0)
		r.at += 3;
	env = calloc(DOTENV_VARIABLES_MAX + 1, sizeof(*env));
	if (!env)
		return error_set(err, -ENOMEM, "out of memory");
	r.env = env;
	result = read_lines(&r);
	if (result < 0)
		return result;
	*ret_env = steal_ptr(env);
	return 0;
}
