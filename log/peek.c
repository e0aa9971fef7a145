/* SPDX-License-Identifier: MIT */

/*
 * Looking into a pipe without taking anything out.
 *
 * tee(2) puts references to the pipe's pages into a private pipe, which is then read. It also tells
 * an empty pipe from one at its end without the race that poll(2) has between the two. A kill in
 * the middle takes the private pipe with it and nothing else.
 *
 * What is to be thrown away takes the same way. A pipe is not read itself: it waits when it is
 * empty, and what was seen in it a moment ago may be gone, because whoever can open the other end
 * of a service's output can open this one, too.
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

/* Empty the private pipe, in which there are @n_bytes; Return: 0 or negative errno. */
static int bytes_read(struct peek *p, size_t n_bytes)
{
	size_t seen = 0;

	while (seen < n_bytes) {
		ssize_t got = read(p->read_fd, p->bytes + seen, n_bytes - seen);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EIO;
		seen += (size_t)got;
	}
	return 0;
}

ssize_t peek_look(struct peek *p, int pipe_fd, size_t *ret_line_end)
{
	ssize_t n = tee(pipe_fd, p->write_fd, PEEK_BYTES_MAX, SPLICE_F_NONBLOCK);
	const char *newline;
	int r;

	if (n <= 0)
		return n < 0 ? -errno : 0;
	r = bytes_read(p, (size_t)n);
	if (r < 0)
		return r;
	newline = memchr(p->bytes, '\n', (size_t)n);
	*ret_line_end = newline ? (size_t)(newline - p->bytes) + 1 : 0;
	return n;
}

ssize_t peek_take(struct peek *p, int pipe_fd, size_t max_bytes)
{
	ssize_t n = splice(pipe_fd, NULL, p->write_fd, NULL, MIN_OF(max_bytes, PEEK_BYTES_MAX),
			   SPLICE_F_NONBLOCK);
	int r;

	if (n <= 0)
		return n < 0 ? -errno : 0;
	r = bytes_read(p, (size_t)n);
	return r < 0 ? r : n;
}
