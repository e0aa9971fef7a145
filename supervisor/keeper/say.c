/* SPDX-License-Identifier: MIT */

/*
 * What the keeper has to say itself, which is little: it is told by frames, not by lines. stderr
 * may be a pipe whose reader hangs, and the keeper must not hang with it: a line that would have to
 * wait is dropped. Whose keeper this is is set once and prefixed to each line; that is the one
 * global.
 */

#include "supervisor/keeper/say.h"

#include <poll.h>
#include <stdarg.h>

#include "supervisor/keeper/text.h"

#define LINE_MAX_BYTES 640

static const char *said_for;
static unsigned said_instance;

void say_for(const char *name, unsigned instance)
{
	said_for = name;
	said_instance = instance;
}

void say(const char *format, ...)
{
	struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};
	char line[LINE_MAX_BYTES];
	size_t used = text_format(line, sizeof(line), "slicekeep-keeper: ");
	va_list args;

	if (said_for)
		used += text_format(line + used, sizeof(line) - used, "%s.%u: ", said_for,
				    said_instance);
	va_start(args, format);
	used += text_vformat(line + used, sizeof(line) - 1 - used, format, args);
	va_end(args);
	line[used++] = '\n';
	if (poll(&fd, 1, 0) == 1 && (fd.revents & POLLOUT))
		ignore_result(write(STDERR_FILENO, line, used));
}
