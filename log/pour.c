/* SPDX-License-Identifier: MIT */

/*
 * Pouring: what comes from a file, a terminal or a socket is moved into a pipe of our own, because
 * only a pipe can be handed over.
 *
 * Neither end may make us wait: room in the pipe and something to read are waited for in turns. A
 * collector that is away leaves the pipe full, and then no more is read.
 */

#include "log/pour.h"

#include <fcntl.h>
#include <limits.h>

#define POUR_BYTES_MAX ((size_t)64 * 1024)

int pour_init(struct pour *p, int from, int *ret_fd)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	*p = (struct pour){.from = from, .to = ends[1], .wants_room = true};
	*ret_fd = ends[0];
	return 0;
}

void pour_end(struct pour *p)
{
	close_fd(&p->to);
}

struct pollfd pour_wait(const struct pour *p)
{
	if (p->to < 0 || p->wants_room)
		return (struct pollfd){.fd = p->to, .events = POLLOUT};
	return (struct pollfd){.fd = p->from, .events = POLLIN};
}

/* There is room for a page at least, and so much is written at once or not at all. */
static ssize_t pour_by_hand(struct pour *p)
{
	char bytes[PIPE_BUF];
	ssize_t n = read(p->from, bytes, sizeof(bytes));

	return n > 0 ? write(p->to, bytes, (size_t)n) : n;
}

static ssize_t pour_some(struct pour *p)
{
	ssize_t n;

	if (p->by_hand)
		return pour_by_hand(p);
	n = splice(p->from, NULL, p->to, NULL, POUR_BYTES_MAX, SPLICE_F_NONBLOCK);
	if (n >= 0 || errno != EINVAL)
		return n;
	p->by_hand = true;
	return pour_by_hand(p);
}

int pour_turn(struct pour *p)
{
	ssize_t n;

	if (p->wants_room) {
		p->wants_room = false;
		return 0;
	}
	p->wants_room = true;
	n = pour_some(p);
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return 0;
	/* A terminal that was hung up fails to be read. */
	n = n == 0 || errno == EIO ? 0 : -errno;
	pour_end(p);
	return (int)n;
}
