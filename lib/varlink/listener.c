/* SPDX-License-Identifier: MIT */
/*
 * A listening socket that survives the system running out of descriptors.
 *
 * A daemon that has used up its descriptors must still be told what to do about it. So one is kept
 * spare: it makes room for one caller at a time, and is taken back as soon as one is free.
 *
 * Beyond that, accept(2) that fails with EMFILE leaves the connection where it was, and a
 * level-triggered loop comes back at once, for ever. So accepting pauses for a moment; those who
 * wait stay in the backlog and are served when there is room again. One line is logged until it
 * works again.
 */
#include "lib/varlink/listener.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "lib/loop.h"

/** Connections accepted before others have their turn. */
#define LISTENER_TURN_MAX 16
/** How long nothing is accepted after the system had no descriptor or memory for a connection. */
#define LISTENER_PAUSE_USEC (200 * USEC_PER_MSEC)

struct listener {
	struct loop_fd source;
	struct loop_timer resume;
	listener_fn fn;
	void *userdata;
	int fd;
	int spare; /* -1 while it serves a caller */
	bool paused;
};

static void listener_pause(struct listener *l, int code)
{
	usec_t until_usec = usec_add(clock_now_usec(), LISTENER_PAUSE_USEC);

	if (!l->paused)
		log_warning("cannot accept connections: %s", strerror(code));
	l->paused = true;
	if (loop_timer_set(&l->resume, until_usec) == 0)
		ignore_result(loop_fd_set(&l->source, 0));
}

/* Any descriptor will do; this one is at hand. Return: whether there is a spare one. */
static bool listener_refill(struct listener *l)
{
	if (l->spare < 0)
		l->spare = fcntl(l->fd, F_DUPFD_CLOEXEC, 0);
	return l->spare >= 0;
}

static void on_resume(void *userdata)
{
	struct listener *l = userdata;

	if (!listener_refill(l) || loop_fd_set(&l->source, LOOP_READ) < 0)
		listener_pause(l, EMFILE);
}

static int accept_one(struct listener *l)
{
	int peer = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (peer >= 0)
		l->paused = false;
	if (peer >= 0 || errno != EMFILE || l->spare < 0)
		return peer;
	close_fd(&l->spare);
	return accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

static void on_connect(int fd, int events, void *userdata)
{
	struct listener *l = userdata;

	for (int i = 0; i < LISTENER_TURN_MAX; i++) {
		int peer = accept_one(l);

		if (peer >= 0) {
			l->fn(peer, l->userdata);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			listener_pause(l, errno);
		if (errno != EINTR && errno != ECONNABORTED)
			return;
	}
}

void listener_accept(struct listener *l)
{
	on_connect(l->fd, LOOP_READ, l);
}

int listener_new(struct loop *loop, int fd, listener_fn fn, void *userdata,
		 struct listener **ret_listener)
{
	struct listener *l = calloc(1, sizeof(*l));
	int r;

	if (!l) {
		close_fd(&fd);
		return -ENOMEM;
	}
	l->fd = fd;
	l->spare = -1;
	l->fn = fn;
	l->userdata = userdata;
	r = fd_set_nonblock(fd, true);
	if (r == 0)
		r = loop_timer_init(&l->resume, loop, on_resume, l);
	if (r == 0)
		r = loop_fd_init(&l->source, loop, fd, LOOP_READ, on_connect, l);
	if (r < 0) {
		listener_free(l);
		return r;
	}
	(void)listener_refill(l);
	*ret_listener = l;
	return 0;
}

void listener_free(struct listener *l)
{
	if (!l)
		return;
	loop_fd_done(&l->source);
	loop_timer_done(&l->resume);
	close_fd(&l->spare);
	close_fd(&l->fd);
	free(l);
}

void listener_room(struct listener *l)
{
	/* In the next turn it is closed. */
	if (l->spare < 0 && loop_timer_set(&l->resume, 0) < 0)
		listener_pause(l, ENOMEM);
}
