/* SPDX-License-Identifier: MIT */
/*
 * What a supervisor that does not come up has said.
 *
 * Its keeper's own complaints (a socket that cannot be bound, a program that is missing) are in a
 * memory file that `up` gave it as its stderr.
 */
#include "cli/last-words.h"

#include <stdio.h>
#include <string.h>

#include "lib/text.h"

#define TAIL_BYTES 4096

static void print_tail(const char *s, size_t n)
{
	cleanup_text struct text out = {0};
	const char *end = s + n;

	while (s < end) {
		size_t len = (size_t)(end - s);
		const char *newline = memchr(s, '\n', len);

		if (newline)
			len = (size_t)(newline - s);
		text_add(&out, "  ");
		text_add_escaped(&out, s, len, false);
		text_add(&out, "\n");
		s += len + 1;
	}
	if (out.len > 0 && !out.failed)
		(void)fwrite(out.data, 1, out.len, stderr);
}

void last_words_print(const struct paths *paths, int said_fd)
{
	char buf[TAIL_BYTES];
	off_t size = lseek(said_fd, 0, SEEK_END);
	ssize_t n = pread(said_fd, buf, sizeof(buf),
			  size > (off_t)sizeof(buf) ? size - (off_t)sizeof(buf) : 0);

	if (n > 0)
		print_tail(buf, (size_t)n);
}
