/* SPDX-License-Identifier: MIT */

/*
 * The supervisor's connection to the collector's intake.
 *
 * The supervisor is a keeper there among others: it hands over a pipe, and says what only it knows.
 * A collector may die at any moment, and its successor knows nothing. So nothing that was sent
 * counts as told: each connection begins with connected(), in which the users say everything again.
 * For the same reason a connection on which something goes wrong (a frame that cannot be sent, an
 * answer that is none) is given up and not mended: the way back from there must work in any case.
 *
 * The intake's address outlives the collector, so one that is being replaced refuses nobody; it is
 * tried again by a timer only where nobody holds the address, or where connections do not last.
 */

#include "supervisor/collector-link.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "lib/loop.h"

#define PAUSE_FIRST_USEC (5 * USEC_PER_MSEC)
#define PAUSE_MAX_USEC USEC_PER_SEC
/** Frames that wait for a collector to read; it may have to start first. */
#define FRAMES_MAX 16384
/** Answers in one turn of the loop, so that a storm of them does not starve others. */
#define ANSWERS_PER_TURN 16

/**
 * struct pending - a frame that the socket did not take
 * @fds: @n_fds duplicates of our own
 */
struct pending {
	struct list link;
	unsigned char bytes[COLLECTOR_FRAME_MAX];
	size_t n_bytes;
	int fds[INTAKE_FDS_MAX];
	size_t n_fds;
};

/**
 * struct collector_link
 * @fd:          -1 while there is no connection
 * @linked_usec: since when there is
 * @pause_usec:  how long is waited before the next try, unless this connection lasts
 */
struct collector_link {
	struct loop *loop;
	struct loop_fd source;
	struct loop_timer retry;
	struct list users;
	struct list pending;
	size_t n_pending;
	char *path;
	usec_t linked_usec;
	usec_t pause_usec;
	int fd;
};

static void close_all(struct pending *p)
{
	while (p->n_fds > 0)
		close_fd(&p->fds[--p->n_fds]);
}

static void pending_free(struct collector_link *c, struct pending *p)
{
	list_remove(&p->link);
	close_all(p);
	free(p);
	c->n_pending--;
}

static void retry_at(struct collector_link *c, usec_t at_usec)
{
	int r = loop_timer_set(&c->retry, at_usec);

	if (r < 0)
		log_error("the collector is not looked for: cannot set a timer: %s", strerror(-r));
}

/* At once, unless the connection did not last: then it is a crash loop over there. */
static void unlink_collector(struct collector_link *c)
{
	usec_t now_usec = clock_now_usec();

	loop_fd_done(&c->source);
	close_fd(&c->fd);
	list_for_each_safe(it, &c->pending)
		pending_free(c, list_entry(it, struct pending, link));
	if (now_usec >= usec_add(c->linked_usec, c->pause_usec)) {
		c->pause_usec = PAUSE_FIRST_USEC;
		retry_at(c, now_usec);
		return;
	}
	retry_at(c, usec_add(now_usec, c->pause_usec));
	c->pause_usec = MIN_OF(c->pause_usec * 2, PAUSE_MAX_USEC);
}

/* One frame. Return: whether there may be another one. */
static bool take_frame(struct collector_link *c)
{
	struct intake_frame frame;
	size_t n_fds = 0;
	ssize_t n = fd_receive(c->fd, &frame, sizeof(frame), NULL, 0, &n_fds);

	if (n == -EAGAIN || n == -EINTR)
		return false;
	if (n != sizeof(frame) || frame.magic != INTAKE_MAGIC ||
	    !memchr(frame.name, '\0', sizeof(frame.name))) {
		if (n > 0)
			log_warning("the collector sent what is no frame: connecting anew");
		unlink_collector(c);
		return false;
	}
	list_for_each_safe(it, &c->users) {
		struct collector_user *u = list_entry(it, struct collector_user, link);

		if (u->answered)
			u->answered(&frame, u->userdata);
	}
	return true;
}

/* What waits, as far as it is taken. */
static void flush(struct collector_link *c)
{
	int r = 0;

	while (r == 0 && !list_empty(&c->pending)) {
		struct pending *p = list_entry(c->pending.next, struct pending, link);

		r = fd_send(c->fd, p->bytes, p->n_bytes, p->fds, p->n_fds);
		if (r == 0)
			pending_free(c, p);
	}
	if (r == 0)
		r = loop_fd_set(&c->source, LOOP_READ);
	if (r < 0 && r != -EAGAIN)
		unlink_collector(c);
}

static void on_socket(int fd unused, int events, void *userdata)
{
	struct collector_link *c = userdata;

	if (events & LOOP_WRITE)
		flush(c);
	if (!(events & LOOP_READ))
		return;
	for (int i = 0; c->fd >= 0 && i < ANSWERS_PER_TURN; i++) {
		if (!take_frame(c))
			break;
	}
}

static void on_retry(void *userdata)
{
	struct collector_link *c = userdata;
	int fd = fd_unix_connect(c->path, SOCK_SEQPACKET);

	c->linked_usec = clock_now_usec();
	if (fd < 0 || loop_fd_init(&c->source, c->loop, fd, LOOP_READ, on_socket, c) < 0) {
		close_fd(&fd);
		unlink_collector(c);
		return;
	}
	c->fd = fd;
	list_for_each_safe(it, &c->users) {
		struct collector_user *u = list_entry(it, struct collector_user, link);

		u->connected(u->userdata);
	}
}

int collector_link_new(struct loop *loop, const char *path, struct collector_link **ret_link)
{
	struct collector_link *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->loop = loop;
	c->fd = -1;
	c->pause_usec = PAUSE_FIRST_USEC;
	list_init(&c->users);
	list_init(&c->pending);
	c->path = strdup(path);
	r = c->path ? loop_timer_init(&c->retry, loop, on_retry, c) : -ENOMEM;
	if (r == 0)
		r = loop_timer_set(&c->retry, 0);
	if (r < 0) {
		collector_link_free(c);
		return r;
	}
	*ret_link = c;
	return 0;
}

void collector_link_free(struct collector_link *c)
{
	if (!c)
		return;
	list_for_each_safe(it, &c->pending)
		pending_free(c, list_entry(it, struct pending, link));
	list_for_each_safe(it, &c->users)
		list_remove(it);
	loop_fd_done(&c->source);
	loop_timer_done(&c->retry);
	close_fd(&c->fd);
	free(c->path);
	free(c);
}

void collector_link_join(struct collector_link *c, struct collector_user *u)
{
	list_append(&c->users, &u->link);
	if (c->fd >= 0)
		u->connected(u->userdata);
}

void collector_link_leave(struct collector_user *u)
{
	list_remove(&u->link);
}

static int duplicate(struct pending *p, const int *fds, size_t n_fds)
{
	for (size_t i = 0; i < n_fds; i++) {
		int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);

		if (fd < 0)
			return -errno;
		p->fds[p->n_fds++] = fd;
	}
	return 0;
}

static int enqueue(struct collector_link *c, const void *frame, size_t n_bytes, const int *fds,
		   size_t n_fds)
{
	struct pending *p;
	int r;

	if (c->n_pending == FRAMES_MAX)
		return -ENOBUFS;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	r = duplicate(p, fds, n_fds);
	if (r < 0) {
		close_all(p);
		free(p);
		return r;
	}
	memcpy(p->bytes, frame, n_bytes);
	p->n_bytes = n_bytes;
	list_append(&c->pending, &p->link);
	c->n_pending++;
	return loop_fd_set(&c->source, LOOP_READ | LOOP_WRITE);
}

int collector_link_send(struct collector_link *c, const void *frame, size_t n_bytes, const int *fds,
			size_t n_fds)
{
	int r = -EAGAIN;

	if (c->fd < 0)
		return -ENOTCONN;
	if (n_bytes > COLLECTOR_FRAME_MAX || n_fds > INTAKE_FDS_MAX)
		return -E2BIG;
	if (list_empty(&c->pending))
		r = fd_send(c->fd, frame, n_bytes, fds, n_fds);
	return r == -EAGAIN ? enqueue(c, frame, n_bytes, fds, n_fds) : r;
}
