/* SPDX-License-Identifier: MIT */

/*
 * A timer of the wall clock.
 *
 * The loop's own timers count what has passed, which is right for delays and wrong for dates: they
 * stand still while the machine sleeps, and know nothing of a clock that is set. The kernel's timer
 * on CLOCK_REALTIME does, and tells of each jump by cancelling itself.
 */

#include "lib/wall-timer.h"

#include <sys/timerfd.h>

/** The kernel's times are signed, and nobody waits for so long. */
#define AT_USEC_MAX (UINT64_C(1) << 56)

static void on_timer(int fd, int events, void *userdata)
{
	struct wall_timer *t = userdata;
	uint64_t n;

	if (read(fd, &n, sizeof(n)) < 0 && errno != ECANCELED)
		return;
	t->fn(t->userdata);
}

int wall_timer_init(struct wall_timer *t, struct loop *l, wall_timer_fn fn, void *userdata)
{
	cleanup_close int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	int r;

	*t = (struct wall_timer){.fn = fn, .userdata = userdata};
	if (fd < 0)
		return -errno;
	r = loop_fd_init(&t->source, l, fd, LOOP_READ, on_timer, t);
	if (r == 0)
		(void)steal_fd(&fd);
	return r;
}

int wall_timer_set(struct wall_timer *t, usec_t at_usec)
{
	struct itimerspec spec = {0};

	if (at_usec < AT_USEC_MAX) {
		at_usec = MAX_OF(at_usec, (usec_t)1); /* 0 would disarm */
		spec.it_value.tv_sec = (time_t)(at_usec / USEC_PER_SEC);
		spec.it_value.tv_nsec = (long)(at_usec % USEC_PER_SEC * 1000);
	}
	if (timerfd_settime(t->source.fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &spec,
			    NULL) < 0)
		return -errno;
	return 0;
}

void wall_timer_done(struct wall_timer *t)
{
	int fd = t->source.event ? t->source.fd : -1;

	loop_fd_done(&t->source);
	close_fd(&fd);
}
