/* SPDX-License-Identifier: MIT */

/*
 * Descriptors that say little and not urgently, each at its own time, and are listened to together.
 *
 * In a crash storm a hundred keepers report a death each now and then. To wake up for each of them
 * costs more than to deal with it, because whoever wakes up finds everybody's caches cold. So they
 * stand in an epoll instance of their own, which the loop watches as one descriptor; whenever
 * somebody in it was heard, nobody is for the length of a nap, and then all who have spoken are
 * heard in one turn. A message that comes alone is heard at once, and so are the few members of a
 * small crowd. Who is needed leaves the crowd, and is heard as if it had never been in it.
 *
 * Members are asked for one at a time: who is heard may make another one leave, and a list of those
 * that are to be heard would still name it.
 */

#include "supervisor/crowd.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/loop.h"

/** Heard in one turn of the loop, so that a storm does not starve others. */
#define HEARD_MAX 64

struct crowd {
	struct loop *loop;
	struct loop_fd source;
	struct loop_timer nap;
	usec_t nap_usec;
	size_t n_members;
	int fd;
};

/* Return: how many were heard. */
static unsigned hear(const struct crowd *c)
{
	struct epoll_event event;
	unsigned n = 0;

	for (; n < HEARD_MAX && epoll_wait(c->fd, &event, 1, 0) == 1; n++) {
		const struct crowd_member *m = event.data.ptr;

		m->fn(m->userdata);
	}
	return n;
}

static int take_nap(struct crowd *c)
{
	int r = loop_timer_set(&c->nap, usec_add(clock_now_usec(), c->nap_usec));

	return r < 0 ? r : loop_fd_set(&c->source, 0);
}

/* Somebody may have spoken, or a nap is over. If nobody can be listened to, a nap helps as well. */
static void turn(struct crowd *c)
{
	unsigned n_heard = hear(c);
	bool naps = n_heard > 0 && n_heard < HEARD_MAX && c->n_members >= CROWD_NAP_FROM;
	int r = naps ? take_nap(c) : loop_fd_set(&c->source, LOOP_READ);

	if (r < 0)
		log_error("cannot listen to keepers: %s", strerror(-r));
	if (r < 0 && !naps)
		ignore_result(take_nap(c));
}

static void on_readable(int fd unused, int events unused, void *userdata)
{
	turn(userdata);
}

static void on_nap_over(void *userdata)
{
	turn(userdata);
}

int crowd_new(struct loop *loop, usec_t nap_usec, struct crowd **ret_crowd)
{
	struct crowd *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->loop = loop;
	c->nap_usec = nap_usec;
	c->fd = epoll_create1(EPOLL_CLOEXEC);
	r = c->fd < 0 ? -errno : loop_timer_init(&c->nap, loop, on_nap_over, c);
	if (r == 0)
		r = loop_fd_init(&c->source, loop, c->fd, LOOP_READ, on_readable, c);
	if (r < 0) {
		crowd_free(c);
		return r;
	}
	*ret_crowd = c;
	return 0;
}

void crowd_free(struct crowd *c)
{
	if (!c)
		return;
	loop_fd_done(&c->source);
	loop_timer_done(&c->nap);
	close_fd(&c->fd);
	free(c);
}

struct loop *crowd_loop(const struct crowd *c)
{
	return c->loop;
}

int crowd_join(struct crowd *c, struct crowd_member *m, int fd, crowd_fn fn, void *userdata)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = m};

	if (epoll_ctl(c->fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	*m = (struct crowd_member){.crowd = c, .fn = fn, .userdata = userdata, .fd = fd};
	c->n_members++;
	return 0;
}

void crowd_leave(struct crowd_member *m)
{
	if (!m->crowd)
		return;
	(void)epoll_ctl(m->crowd->fd, EPOLL_CTL_DEL, m->fd, NULL);
	m->crowd->n_members--;
	m->crowd = NULL;
}
