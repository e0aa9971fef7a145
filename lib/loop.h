/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"
#include "lib/list.h"

/*
 * The event loop: libevent behind four small nouns. A daemon has one loop; sources live inside the
 * objects that own them (_init/_done), are inert after _done, and may be stopped and _done inside
 * their own callback.
 */

struct event;
struct event_base;
struct loop;

/** loop_new() - Return: 0, -ENOMEM, negative errno */
must_check int loop_new(struct loop **ret_loop);

/** loop_free() - all sources must be done before; NULL is allowed */
void loop_free(struct loop *l);

/** loop_run() - dispatch until loop_stop(); Return: the code given there, or negative errno */
must_check int loop_run(struct loop *l);

/** loop_stop() - make loop_run() return @code (>= 0) after this turn */
void loop_stop(struct loop *l, int code);

/** loop_base() - the libevent base, for lib/varlink and lib/http only; borrowed */
struct event_base *loop_base(struct loop *l);

/* --- descriptors ------------------------------------------------------------------------------ */

enum {
	LOOP_READ = 1,
	LOOP_WRITE = 2,
};

typedef void (*loop_fd_fn)(int fd, int events, void *userdata);

/**
 * struct loop_fd - a descriptor that is watched, level triggered
 */
struct loop_fd {
	struct event *event;
	struct loop *loop;
	loop_fd_fn fn;
	void *userdata;
	int fd;
	int events;
};

/**
 * loop_fd_init() - watch @fd
 * @events: LOOP_READ | LOOP_WRITE; 0 watches nothing yet
 * @fn:     called with the events that are true; end of file counts as LOOP_READ
 *
 * Return: 0 or negative errno. The descriptor stays the caller's.
 */
must_check int loop_fd_init(struct loop_fd *s, struct loop *l, int fd, int events, loop_fd_fn fn,
			    void *userdata);

/** loop_fd_set() - change what is watched; Return: 0 or negative errno */
must_check int loop_fd_set(struct loop_fd *s, int events);

/** loop_fd_done() - stop watching; nothing happens when it is not initialised (zeroed) */
void loop_fd_done(struct loop_fd *s);

/* --- timers ----------------------------------------------------------------------------------- */

typedef void (*loop_timer_fn)(void *userdata);

/** struct loop_timer - fires once at a deadline */
struct loop_timer {
	struct event *event;
	loop_timer_fn fn;
	void *userdata;
};

/** loop_timer_init() - a timer that is not set; Return: 0 or -ENOMEM */
must_check int loop_timer_init(struct loop_timer *t, struct loop *l, loop_timer_fn fn,
			       void *userdata);

/**
 * loop_timer_set() - fire at @deadline_usec (monotonic); one in the past fires in the next turn,
 * USEC_INFINITY disarms. Return: 0 or negative errno.
 */
must_check int loop_timer_set(struct loop_timer *t, usec_t deadline_usec);

/** loop_timer_fire() - fire once in this turn, behind all that it has found already */
void loop_timer_fire(struct loop_timer *t);

/** loop_timer_done() - disarm and free; a zeroed timer is allowed */
void loop_timer_done(struct loop_timer *t);

/* --- signals ---------------------------------------------------------------------------------- */

typedef void (*loop_signal_fn)(int signo, void *userdata);

/** struct loop_signal - a signal as an event */
struct loop_signal {
	struct event *event;
	loop_signal_fn fn;
	void *userdata;
};

/** loop_signal_init() - call @fn in the loop when @signo arrives; Return: 0 or negative errno */
must_check int loop_signal_init(struct loop_signal *s, struct loop *l, int signo, loop_signal_fn fn,
				void *userdata);

/** loop_signal_done() - back to the disposition that the signal had before */
void loop_signal_done(struct loop_signal *s);

/* --- children --------------------------------------------------------------------------------- */

/** loop_pid_fn() - a watched process has ended; @wait_status as of waitpid(2), -1 if not our child
 */
typedef void (*loop_pid_fn)(pid_t pid, int wait_status, void *userdata);

/** struct loop_pid - the end of a process, by pidfd; a child is reaped */
struct loop_pid {
	struct loop_fd source;
	struct list link;
	loop_pid_fn fn;
	void *userdata;
	pid_t pid;
	int pidfd;
};

/**
 * loop_pid_init() - wait for the end of @pid, which may be anybody's child
 * @pidfd: taken over, on failure too (it is closed then), or -1 to open one
 *
 * Return: 0, -ESRCH when it is gone already, negative errno.
 */
must_check int loop_pid_init(struct loop_pid *s, struct loop *l, pid_t pid, int pidfd,
			     loop_pid_fn fn, void *userdata);

/** loop_pid_done() - stop watching and close the pidfd; the process runs on */
void loop_pid_done(struct loop_pid *s);

/**
 * loop_watches_pid() - whether a loop_pid waits for the end of @pid
 *
 * A daemon that is a subreaper gets children that it never started; it may reap those that nobody
 * waits for, and must leave the others.
 */
bool loop_watches_pid(const struct loop *l, pid_t pid);
