/* SPDX-License-Identifier: MIT */
#include "lib/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * Strings: the growing one, the questions that are asked about others, and vectors of them.
 *
 * A struct text remembers that an allocation failed instead of returning it: a caller writes ten
 * text_add() in a row and asks once, in text_take(). What it holds never lacks its NUL, and after
 * a failure it is never shown in part.
 *
 * Everything that reads foreign bytes (split, UTF-8, escape, nearest) works forward over a length
 * that is known, without recursion and with tables of a fixed size.
 */

#define TEXT_CAP_MIN 64

/* "did you mean" is for words that a person typed; longer ones are no typing mistake. */
#define NEAREST_LEN_MAX 64

static bool text_reserve(struct text *t, size_t n)
{
	size_t cap = t->cap ? t->cap : TEXT_CAP_MIN;
	char *data;

	if (t->failed)
		return false;
	if (n < t->cap - t->len) /* also false when nothing is allocated: 0 < 0 */
		return true;
	if (n > SIZE_MAX / 4 - t->len) {
		t->failed = true;
		return false;
	}
	while (cap - t->len <= n)
		cap *= 2;
	data = realloc(t->data, cap);
	if (!data) {
		t->failed = true;
		return false;
	}
	t->data = data;
	t->cap = cap;
	return true;
}

void text_add_bytes(struct text *t, const void *bytes, size_t n)
{
	if (!text_reserve(t, n))
		return;
	if (n > 0)
		memcpy(t->data + t->len, bytes, n);
	t->len += n;
	t->data[t->len] = '\0';
}

void text_add(struct text *t, const char *s)
{
	if (s)
		text_add_bytes(t, s, strlen(s));
}

void text_addf(struct text *t, const char *fmt, ...)
{
	va_list args;
	int n;

	if (!text_reserve(t, TEXT_CAP_MIN - 1))
		return;
	va_start(args, fmt);
	n = vsnprintf(t->data + t->len, t->cap - t->len, fmt, args);
	va_end(args);
	if (n >= 0 && (size_t)n >= t->cap - t->len) {
		if (!text_reserve(t, (size_t)n)) {
			t->data[t->len] = '\0';
			return;
		}
		va_start(args, fmt);
		n = vsnprintf(t->data + t->len, t->cap - t->len, fmt, args);
		va_end(args);
	}
	if (n < 0) {
		t->data[t->len] = '\0';
		t->failed = true;
		return;
	}
	t->len += (size_t)n;
}

char *text_take(struct text *t)
{
	char *data = NULL;

	if (!t->failed)
		data = t->data ? steal_ptr(t->data) : strdup("");
	text_done(t);
	return data;
}

void text_done(struct text *t)
{
	free(t->data);
	*t = (struct text){0};
}

bool text_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool text_ends(const char *s, const char *suffix)
{
	size_t len = strlen(s);
	size_t suffix_len = strlen(suffix);

	return len >= suffix_len && memcmp(s + len - suffix_len, suffix, suffix_len) == 0;
}

bool text_equal(const char *a, const char *b)
{
	if (!a || !b)
		return a == b;
	return strcmp(a, b) == 0;
}

bool text_name_valid(const char *s)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	static const char further[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
	size_t len = strnlen(s, TEXT_NAME_MAX + 1);

	return len > 0 && len <= TEXT_NAME_MAX && strchr(first, s[0]) && strspn(s, further) == len;
}

bool text_name_reserved(const char *s)
{
	static const char *const names[] = {"supervisor", "ci", "log", "dashboard", "router"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(names[i], s) == 0)
			return true;
	return false;
}

/*
 * Edits that turn @a into @b: insert, delete, replace, and swap of two neighbours, which is the
 * most common slip of fingers. Three rows of the classic table are all that a step looks back to.
 */
static size_t edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t rows[3][NEAREST_LEN_MAX + 1];
	size_t *before = rows[0];
	size_t *last = rows[1];
	size_t *now = rows[2];

	for (size_t j = 0; j <= b_len; j++)
		last[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *oldest = before;

		now[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t d = last[j - 1] + (a[i - 1] != b[j - 1]);

			d = MIN_OF(d, last[j] + 1);
			d = MIN_OF(d, now[j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d = MIN_OF(d, before[j - 2] + 1);
			now[j] = d;
		}
		before = last;
		last = now;
		now = oldest;
	}
	return last[b_len];
}

const char *text_nearest(const char *word, const char *const *candidates, size_t n)
{
	size_t word_len = strnlen(word, NEAREST_LEN_MAX + 1);
	size_t best_distance = SIZE_MAX;
	const char *best = NULL;

	if (word_len > NEAREST_LEN_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t len = strnlen(candidates[i], NEAREST_LEN_MAX + 1);
		size_t allowed = MAX_OF(len / 3, (size_t)1);
		size_t distance;

		if (len > NEAREST_LEN_MAX)
			continue;
		distance = edit_distance(word, word_len, candidates[i], len);
		/* As many edits as letters: nothing of the word is left, it was not meant. */
		if (distance > allowed || distance >= MAX_OF(len, word_len) + (distance == 0))
			continue;
		if (distance < best_distance) {
			best_distance = distance;
			best = candidates[i];
		}
	}
	return best;
}

/* Reads a quoted part behind its opening quote; NULL when it is not closed. */
static const char *split_quoted(struct text *word, const char *s, char quote)
{
	for (; *s != quote; s++) {
		if (*s == '\0')
			return NULL;
		if (quote == '"' && *s == '\\' && s[1] != '\0' && strchr("$`\"\\\n", s[1])) {
			s++;
			if (*s == '\n')
				continue;
		}
		text_add_bytes(word, s, 1);
	}
	return s + 1;
}

/* Reads one word up to the next blank; NULL for a quote or backslash without its end. */
static const char *split_word(struct text *word, const char *s)
{
	while (s && *s != '\0' && !strchr(" \t\n", *s)) {
		if (*s == '\'' || *s == '"') {
			s = split_quoted(word, s + 1, *s);
		} else if (*s == '\\') {
			if (s[1] == '\0')
				return NULL;
			if (s[1] != '\n')
				text_add_bytes(word, s + 1, 1);
			s += 2;
		} else {
			text_add_bytes(word, s++, 1);
		}
	}
	return s;
}

/* Skips blanks between words; a backslash before a newline continues the line and is one. */
static const char *split_skip(const char *s)
{
	for (;;) {
		s += strspn(s, " \t\n");
		if (s[0] != '\\' || s[1] != '\n')
			return s;
		s += 2;
	}
}

int text_split_words(const char *s, char ***ret_words)
{
	cleanup_strings char **words = NULL;
	size_t n = 0;

	/* A word takes one byte and a blank at least, so this is room for all of them. */
	words = calloc(strlen(s) / 2 + 2, sizeof(*words));
	if (!words)
		return -ENOMEM;
	for (s = split_skip(s); *s != '\0'; s = split_skip(s)) {
		cleanup_text struct text word = {0};

		s = split_word(&word, s);
		if (!s)
			return word.failed ? -ENOMEM : -EINVAL;
		words[n] = text_take(&word);
		if (!words[n++])
			return -ENOMEM;
	}
	*ret_words = steal_ptr(words);
	return 0;
}

size_t text_utf8_len(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;
	unsigned char low = 0x80;
	unsigned char high = 0xbf;
	size_t len;

	if (n == 0)
		return 0;
	if (u[0] < 0x80)
		return 1;
	if (u[0] < 0xc2 || u[0] > 0xf4)
		return 0;
	len = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	if (n < len)
		return 0;
	/* The second byte alone tells overlong forms, surrogates and what is above U+10FFFF. */
	if (u[0] == 0xe0)
		low = 0xa0;
	else if (u[0] == 0xed)
		high = 0x9f;
	else if (u[0] == 0xf0)
		low = 0x90;
	else if (u[0] == 0xf4)
		high = 0x8f;
	if (u[1] < low || u[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	}
	return len;
}

bool text_utf8_valid(const char *s, size_t n)
{
	while (n > 0) {
		size_t len = text_utf8_len(s, n);

		if (len == 0)
			return false;
		s += len;
		n -= len;
	}
	return true;
}

/* Length of a colour sequence (ESC [ digits and separators m) at @s, 0 when it is none. */
static size_t sgr_len(const char *s, size_t n)
{
	size_t i = 2;

	if (n < 3 || s[0] != '\033' || s[1] != '[')
		return 0;
	while (i < n && ((s[i] >= '0' && s[i] <= '9') || s[i] == ';' || s[i] == ':'))
		i++;
	return i < n && s[i] == 'm' ? i + 1 : 0;
}

/* Length of what may go to a terminal as it is at @s; 0 when the byte must be escaped. */
static size_t printable_len(const char *s, size_t n, bool keep_ansi)
{
	unsigned char c = (unsigned char)*s;
	size_t len;

	if (c == '\033')
		return keep_ansi ? sgr_len(s, n) : 0;
	if (c < 0x20 || c == 0x7f)
		return c == '\t' ? 1 : 0;
	len = text_utf8_len(s, n);
	/* U+0080 to U+009F are control characters too: 0x9b alone begins a sequence. */
	if (len == 2 && c == 0xc2 && (unsigned char)s[1] < 0xa0)
		return 0;
	return len;
}

void text_add_escaped(struct text *t, const char *s, size_t n, bool keep_ansi)
{
	while (n > 0) {
		size_t len = printable_len(s, n, keep_ansi);

		if (len > 0) {
			text_add_bytes(t, s, len);
		} else {
			text_addf(t, "\\x%02x", (unsigned char)*s);
			len = 1;
		}
		s += len;
		n -= len;
	}
}

void text_add_errno(struct text *t, int code)
{
	const char *words = strerrordesc_np(code);
	char first[2] = {0};

	if (!words) {
		text_addf(t, "error %d", code);
		return;
	}
	/* "RFS specific error" begins with a name, which stays as it is. */
	first[0] = words[0];
	if (words[0] >= 'A' && words[0] <= 'Z' && !(words[1] >= 'A' && words[1] <= 'Z'))
		first[0] = (char)(words[0] - 'A' + 'a');
	text_add(t, first);
	text_add(t, words + 1);
}

void strings_free(char **strings)
{
	if (!strings)
		return;
	for (char **s = strings; *s; s++)
		free(*s);
	free(strings);
}

size_t strings_len(char *const *strings)
{
	size_t n = 0;

	while (strings && strings[n])
		n++;
	return n;
}

void strings_free_ptr(char ***strings)
{
	strings_free(*strings);
	*strings = NULL;
}
