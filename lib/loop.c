/* SPDX-License-Identifier: MIT */
#include "lib/loop.h"

#include <event2/event.h>
#include <limits.h>
#include <sys/pidfd.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "lib/clock.h"
#include "lib/log.h"

/*
 * The event loop. This file is the only one that knows which library turns it.
 *
 * The last thing a handler here does is to call the owner of its source, and it touches nothing
 * afterwards: the owner may have ended the source, or freed the object that it was part of.
 *
 * Deadlines are absolute on the monotonic clock; libevent wants distances. Its own idea of "now" is
 * a cached one that may be as old as the running callback, so the cache is off: a timer would fire
 * before its deadline. Precise timers are on, as milliseconds would be rounded up otherwise.
 *
 * libevent may be asked to leave the loop only by another allocation (loopexit) or in the middle of
 * a turn (loopbreak); the loop is run turn by turn instead, and a flag is read in between.
 */

struct loop {
	struct event_base *base;
	struct list pids; /* struct loop_pid by link */
	bool stopped;
	int code;
};

static void on_message(int severity, const char *text)
{
	log_line(severity >= EVENT_LOG_WARN ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG, "event loop: %s",
		 text);
}

int loop_new(struct loop **ret_loop)
{
	cleanup_free struct loop *l = calloc(1, sizeof(*l));
	struct event_config *config = event_config_new();

	if (l && config &&
	    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV |
						  EVENT_BASE_FLAG_PRECISE_TIMER |
						  EVENT_BASE_FLAG_NO_CACHE_TIME) == 0)
		l->base = event_base_new_with_config(config);
	if (config)
		event_config_free(config);
	if (!l || !l->base)
		return -ENOMEM;
	event_set_log_callback(on_message);
	list_init(&l->pids);
	*ret_loop = steal_ptr(l);
	return 0;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	event_base_free(l->base);
	free(l);
}

int loop_run(struct loop *l)
{
	while (!l->stopped) {
		errno = 0;
		if (event_base_loop(l->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY) < 0)
			return errno ? -errno : -EIO;
	}
	l->stopped = false;
	return l->code;
}

void loop_stop(struct loop *l, int code)
{
	l->stopped = true;
	l->code = code;
}

struct event_base *loop_base(struct loop *l)
{
	return l->base;
}

/* libevent tells that something failed, and errno why, if it is a system call that did. */
static int add_event(struct event *event, const struct timeval *delay)
{
	errno = 0;
	if (event_add(event, delay) == 0)
		return 0;
	return errno ? -errno : -ENOMEM;
}

static void free_event(struct event **event)
{
	if (*event)
		event_free(*event); /* which deletes it first */
	*event = NULL;
}

/* --- descriptors ------------------------------------------------------------------------------ */

static void on_fd(evutil_socket_t fd, short what, void *userdata)
{
	struct loop_fd *s = userdata;
	int events = (what & EV_READ ? LOOP_READ : 0) | (what & EV_WRITE ? LOOP_WRITE : 0);

	s->fn(fd, events, s->userdata);
}

static short libevent_flags(int events)
{
	short flags = EV_PERSIST;

	if (events & LOOP_READ)
		flags |= EV_READ;
	if (events & LOOP_WRITE)
		flags |= EV_WRITE;
	return flags;
}

int loop_fd_init(struct loop_fd *s, struct loop *l, int fd, int events, loop_fd_fn fn,
		 void *userdata)
{
	int r;

	*s = (struct loop_fd){.loop = l, .fn = fn, .userdata = userdata, .fd = fd};
	s->event = event_new(l->base, fd, libevent_flags(0), on_fd, s);
	if (!s->event)
		return -ENOMEM;
	r = loop_fd_set(s, events);
	if (r < 0)
		loop_fd_done(s);
	return r;
}

int loop_fd_set(struct loop_fd *s, int events)
{
	int r;

	if (events == s->events)
		return 0;
	if (s->events != 0 && event_del(s->event) < 0)
		return -EIO;
	s->events = 0;
	if (events == 0)
		return 0;
	if (event_assign(s->event, s->loop->base, s->fd, libevent_flags(events), on_fd, s) < 0)
		return -EINVAL;
	r = add_event(s->event, NULL);
	if (r == 0)
		s->events = events;
	return r;
}

void loop_fd_done(struct loop_fd *s)
{
	free_event(&s->event);
	s->events = 0;
}

/* --- timers ----------------------------------------------------------------------------------- */

static void on_timer(evutil_socket_t fd, short what, void *userdata)
{
	struct loop_timer *t = userdata;

	t->fn(t->userdata);
}

int loop_timer_init(struct loop_timer *t, struct loop *l, loop_timer_fn fn, void *userdata)
{
	*t = (struct loop_timer){.fn = fn, .userdata = userdata};
	t->event = evtimer_new(l->base, on_timer, t);
	return t->event ? 0 : -ENOMEM;
}

int loop_timer_set(struct loop_timer *t, usec_t deadline_usec)
{
	usec_t delay = usec_sub(deadline_usec, clock_now_usec());
	struct timeval tv;

	if (deadline_usec == USEC_INFINITY)
		return evtimer_del(t->event) < 0 ? -EIO : 0;
	tv.tv_sec = (time_t)(delay / USEC_PER_SEC);
	tv.tv_usec = (suseconds_t)(delay % USEC_PER_SEC);
	return add_event(t->event, &tv);
}

/* One that fires itself keeps the turn from ending. A deadline that was set is forgotten. */
void loop_timer_fire(struct loop_timer *t)
{
	event_active(t->event, EV_TIMEOUT, 0);
}

void loop_timer_done(struct loop_timer *t)
{
	free_event(&t->event);
}

/* --- signals ---------------------------------------------------------------------------------- */

static void on_signal(evutil_socket_t signo, short what, void *userdata)
{
	struct loop_signal *s = userdata;

	s->fn(signo, s->userdata);
}

int loop_signal_init(struct loop_signal *s, struct loop *l, int signo, loop_signal_fn fn,
		     void *userdata)
{
	int r;

	*s = (struct loop_signal){.fn = fn, .userdata = userdata};
	s->event = evsignal_new(l->base, signo, on_signal, s);
	if (!s->event)
		return -ENOMEM;
	r = add_event(s->event, NULL);
	if (r < 0)
		loop_signal_done(s);
	return r;
}

void loop_signal_done(struct loop_signal *s)
{
	free_event(&s->event);
}

/* --- children --------------------------------------------------------------------------------- */

/*
 * Reaps the process behind @pidfd. The pidfd and not the pid is asked: a pid that is nobody's child
 * of ours may be given to one of ours a moment later.
 *
 * Return: 1 with *ret_status, 0 when it still runs.
 */
static int reap(int pidfd, int *ret_status)
{
	siginfo_t info = {0};
	int r;

	do {
		r = waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG);
	} while (r < 0 && errno == EINTR);
	if (r < 0) {
		*ret_status = -1;
		return 1;
	}
	if (info.si_pid == 0)
		return 0;
	if (info.si_code == CLD_EXITED)
		*ret_status = W_EXITCODE(info.si_status & 0xff, 0);
	else
		*ret_status = info.si_status | (info.si_code == CLD_DUMPED ? WCOREFLAG : 0);
	return 1;
}

static void on_pid(int fd, int events, void *userdata)
{
	struct loop_pid *s = userdata;
	int status;

	if (reap(fd, &status) == 0)
		return;
	loop_pid_done(s);
	s->fn(s->pid, status, s->userdata);
}

int loop_pid_init(struct loop_pid *s, struct loop *l, pid_t pid, int pidfd, loop_pid_fn fn,
		  void *userdata)
{
	int r;

	*s = (struct loop_pid){.fn = fn, .userdata = userdata, .pid = pid, .pidfd = pidfd};
	list_init(&s->link);
	if (s->pidfd < 0) {
		s->pidfd = pidfd_open(pid, 0);
		if (s->pidfd < 0)
			return -errno;
	}
	r = loop_fd_init(&s->source, l, s->pidfd, LOOP_READ, on_pid, s);
	if (r < 0)
		loop_pid_done(s);
	else
		list_append(&l->pids, &s->link);
	return r;
}

void loop_pid_done(struct loop_pid *s)
{
	loop_fd_done(&s->source);
	if (!s->fn) /* zeroed: no descriptor, though 0 would be a valid one, and in no list */
		return;
	list_remove(&s->link);
	close_fd(&s->pidfd);
}

bool loop_watches_pid(const struct loop *l, pid_t pid)
{
	list_for_each(it, &l->pids) {
		if (list_entry(it, const struct loop_pid, link)->pid == pid)
			return true;
	}
	return false;
}
