/* SPDX-License-Identifier: MIT */

/*
 * One datagram of sd_notify(3): lines of KEY=value. It comes from the payload, so nothing in it is
 * believed before it is read to its end: numbers are bounded, text is cleaned, and a line that
 * makes no sense is as good as none.
 */

#include "supervisor/keeper/notice.h"

#include <string.h>

#include "supervisor/keeper/text.h"

#define LINE_BYTES_MAX 512
#define WATCHDOG_MAX_USEC (366 * USEC_PER_DAY)

static void take_status(struct notice *n, const char *value)
{
	n->has_status = true;
	text_clean(n->status, sizeof(n->status), value, strlen(value));
}

static void take_line(struct notice *n, const char *line)
{
	uint64_t number;
	const char *value;

	if (strcmp(line, "READY=1") == 0)
		n->is_ready = true;
	else if (strcmp(line, "STOPPING=1") == 0)
		n->is_stopping = true;
	else if (strcmp(line, "WATCHDOG=1") == 0)
		n->is_ping = true;
	else if (strcmp(line, "WATCHDOG=trigger") == 0)
		n->is_trigger = true;
	else if ((value = text_starts(line, "STATUS=")))
		take_status(n, value);
	else if ((value = text_starts(line, "MAINPID=")) &&
		 text_number(value, INT32_MAX, &number) == 0)
		n->main_pid = (pid_t)number;
	else if ((value = text_starts(line, "WATCHDOG_USEC=")) &&
		 text_number(value, WATCHDOG_MAX_USEC, &number) == 0)
		n->watchdog_usec = number;
}

void notice_parse(const char *text, size_t len, struct notice *ret_notice)
{
	char line[LINE_BYTES_MAX];

	*ret_notice = (struct notice){0};
	while (len > 0) {
		const char *end = memchr(text, '\n', len);
		size_t line_len = end ? (size_t)(end - text) : len;
		size_t kept = MIN_OF(line_len, sizeof(line) - 1);

		memcpy(line, text, kept);
		line[kept] = '\0';
		take_line(ret_notice, line);
		line_len = MIN_OF(line_len + 1, len);
		text += line_len;
		len -= line_len;
	}
}
