/* SPDX-License-Identifier: MIT */

/*
 * Looking into a pipe without taking anything out.
 *
 * tee(2) puts references to the pipe's pages into a private pipe, which is then read. It also tells
 * an empty pipe from one at its end without the race that poll(2) has between the two. A kill in
 * the middle takes the private pipe with it and nothing else.
 */

#include "log/peek.h"

#include <fcntl.h>
#include <string.h>

int peek_init(struct peek *p)
{
	int fds[2];

	*p = (struct peek){.read_fd = -1, .write_fd = -1};
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	p->read_fd = fds[0];
	p->write_fd = fds[1];
	p->bytes = malloc(PEEK_BYTES_MAX);
	return p->bytes ? 0 : -ENOMEM;
}

void peek_done(struct peek *p)
{
	close_fd(&p->read_fd);
	close_fd(&p->write_fd);
	free(p->bytes);
	p->bytes = NULL;
}

ssize_t peek_look(struct peek *p, int pipe_fd, size_t *ret_line_end)
{
	ssize_t n = tee(pipe_fd, p->write_fd, PEEK_BYTES_MAX, SPLICE_F_NONBLOCK);
	size_t seen = 0;
	const char *newline;

	if (n <= 0)
		return n < 0 ? -errno : 0;
	while (seen < (size_t)n) {
		ssize_t got = read(p->read_fd, p->bytes + seen, (size_t)n - seen);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EIO;
		seen += (size_t)got;
	}
	newline = memchr(p->bytes, '\n', seen);
	*ret_line_end = newline ? (size_t)(newline - p->bytes) + 1 : 0;
	return n;
}
