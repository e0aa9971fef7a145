/* SPDX-License-Identifier: MIT */
/*
 * Colours and widths: on a terminal only, and never where NO_COLOR or TERM=dumb forbid it, so that
 * what is piped into a file or a program is the bare text.
 */
#include "cli/style.h"

#include <string.h>
#include <sys/ioctl.h>

struct style style_of(int fd)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *term = getenv("TERM");
	struct style s = {0};
	struct winsize size;

	s.terminal = isatty(fd) == 1;
	if (!s.terminal)
		return s;
	s.colour = (!no_colour || no_colour[0] == '\0') && term && strcmp(term, "dumb") != 0;
	if (ioctl(fd, TIOCGWINSZ, &size) == 0) {
		s.columns = size.ws_col;
		s.rows = size.ws_row;
	}
	return s;
}

const char *style_on(const struct style *s, enum paint paint)
{
	static const char *const codes[] = {
		[PAINT_NONE] = "",        [PAINT_GOOD] = "\x1b[32m", [PAINT_BUSY] = "\x1b[33m",
		[PAINT_BAD] = "\x1b[31m", [PAINT_DIM] = "\x1b[2m",   [PAINT_HEAD] = "\x1b[1m",
	};

	static_assert(ARRAY_LEN(codes) == PAINT_COUNT, "each paint has a colour");
	return s->colour ? codes[paint] : "";
}

const char *style_off(const struct style *s)
{
	return s->colour ? "\x1b[0m" : "";
}

const char *style_name(const struct style *s, const char *service)
{
	static const char *const codes[STYLE_NAMES] = {
		"\x1b[36m", "\x1b[35m", "\x1b[34m", "\x1b[32m", "\x1b[33m", "\x1b[96m",
	};
	unsigned hash = 5381;

	for (; *service; service++)
		hash = hash * 33 + (unsigned char)*service;
	return s->colour ? codes[hash % STYLE_NAMES] : "";
}

enum paint style_state(const char *state)
{
	static const struct {
		const char *state;
		enum paint paint;
	} rows[] = {
		{"running", PAINT_GOOD},  {"done", PAINT_GOOD},   {"starting", PAINT_BUSY},
		{"stopping", PAINT_BUSY}, {"backoff", PAINT_BAD}, {"failed", PAINT_BAD},
		{"stopped", PAINT_DIM},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strcmp(rows[i].state, state) == 0)
			return rows[i].paint;
	}
	return PAINT_NONE;
}
