/* SPDX-License-Identifier: MIT */
#include "lib/json-write.h"

#include <string.h>

#include "lib/text.h"

/*
 * The other direction of lib/json.c, without the tree in between.
 *
 * Whether a comma is due is not remembered, it is seen: none is behind an opening bracket. So a
 * writer has no state of its own, and several may write into one text in turn.
 */

static void add_key(struct text *t, const char *key)
{
	char last = t->len > 0 ? t->data[t->len - 1] : '{';

	if (last != '{' && last != '[')
		text_add_bytes(t, ",", 1);
	if (!key)
		return;
	text_add_bytes(t, "\"", 1);
	text_add_bytes(t, key, strlen(key));
	text_add_bytes(t, "\":", 2);
}

void json_write_open(struct text *t, const char *key, char bracket)
{
	add_key(t, key);
	text_add_bytes(t, &bracket, 1);
}

void json_write_close(struct text *t, char bracket)
{
	text_add_bytes(t, &bracket, 1);
}

static bool is_plain(char c)
{
	return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

/* One character that may not stand as it is. Return: the bytes that it took. */
static size_t add_special(struct text *t, const char *s, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char c = (unsigned char)s[0];
	size_t len = text_utf8_len(s, n);

	if (len > 1) {
		text_add_bytes(t, s, len);
	} else if (len == 0) {
		text_add(t, "\xef\xbf\xbd");
		len = 1;
	} else if (c < ' ') {
		char escape[] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};

		text_add_bytes(t, escape, sizeof(escape));
	} else {
		if (c != 0x7f)
			text_add_bytes(t, "\\", 1);
		text_add_bytes(t, s, 1);
	}
	return len;
}

void json_write_string(struct text *t, const char *key, const char *s)
{
	size_t n = s ? strlen(s) : 0;

	if (!s)
		return;
	add_key(t, key);
	text_add_bytes(t, "\"", 1);
	while (n > 0) {
		size_t len = 0;

		while (len < n && is_plain(s[len]))
			len++;
		text_add_bytes(t, s, len);
		if (len < n)
			len += add_special(t, s + len, n - len);
		s += len;
		n -= len;
	}
	text_add_bytes(t, "\"", 1);
}

void json_write_uint(struct text *t, const char *key, uint64_t value)
{
	uint64_t left = MIN_OF(value, (uint64_t)INT64_MAX);
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + left % 10);
		left /= 10;
	} while (left > 0);
	add_key(t, key);
	text_add_bytes(t, digits + at, sizeof(digits) - at);
}

void json_write_bool(struct text *t, const char *key, bool value)
{
	add_key(t, key);
	text_add(t, value ? "true" : "false");
}

void json_write_json(struct text *t, const char *key, const char *json)
{
	if (!json)
		return;
	add_key(t, key);
	text_add(t, json);
}
