/* SPDX-License-Identifier: MIT */
#include "lib/error.h"

#include <stdio.h>
#include <string.h>

/*
 * An error is a value on the caller's stack: errno, the name on the wire, a text for a person. It
 * never allocates, so that "out of memory" can be reported like everything else, and it owns
 * nothing, so that an error that nobody looks at leaks nothing.
 *
 * Texts are made in a buffer of their own first: the arguments may well point into the very error
 * that is being written. A text that does not fit is cut between characters, never inside one,
 * because it goes out as JSON.
 */

static const char cut_mark[] = "…";

static void text_store(char *target, const char *source, size_t len)
{
	size_t keep;

	if (len < ERROR_TEXT_MAX) {
		memcpy(target, source, len + 1);
		return;
	}
	keep = ERROR_TEXT_MAX - sizeof(cut_mark);
	while (keep > 0 && ((unsigned char)source[keep] & 0xc0) == 0x80)
		keep--;
	memcpy(target, source, keep);
	memcpy(target + keep, cut_mark, sizeof(cut_mark));
}

static printf_like(2, 0) void text_format(char *target, const char *fmt, va_list args)
{
	char buf[ERROR_TEXT_MAX];
	int len = vsnprintf(buf, sizeof(buf), fmt, args);

	text_store(target, len < 0 ? fmt : buf, len < 0 ? strlen(fmt) : (size_t)len);
}

int error_set(struct error *err, int code, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return code;
	va_start(args, fmt);
	text_format(err->text, fmt, args);
	va_end(args);
	err->id[0] = '\0';
	err->code = code;
	return code;
}

int error_set_id(struct error *err, int code, const char *id, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return code;
	va_start(args, fmt);
	text_format(err->text, fmt, args);
	va_end(args);
	(void)snprintf(err->id, sizeof(err->id), "%s", id);
	err->code = code;
	return code;
}

void error_prefix(struct error *err, const char *fmt, ...)
{
	char buf[2 * ERROR_TEXT_MAX];
	va_list args;
	size_t len;
	int n;

	if (!err || err->code == 0)
		return;
	va_start(args, fmt);
	n = vsnprintf(buf, ERROR_TEXT_MAX, fmt, args);
	va_end(args);
	if (n < 0)
		return;
	len = MIN_OF((size_t)n, (size_t)ERROR_TEXT_MAX - 1);
	n = snprintf(buf + len, sizeof(buf) - len, ": %s", err->text);
	if (n > 0)
		len += MIN_OF((size_t)n, sizeof(buf) - len - 1);
	text_store(err->text, buf, len);
}
