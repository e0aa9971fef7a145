/* SPDX-License-Identifier: MIT */
#include "lib/loop.h"

#include <event2/event.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"

/* A test that waits for nothing that comes fails after this time. */
#define DEADLINE_USEC (20 * USEC_PER_SEC)
#define TIMED_OUT 99

static struct loop *loop;
static struct loop_timer guard;

static void on_guard(void *userdata)
{
	loop_stop(loop, TIMED_OUT);
}

static int begin(void **state)
{
	if (loop_new(&loop) < 0 || loop_timer_init(&guard, loop, on_guard, NULL) < 0)
		return -1;
	return loop_timer_set(&guard, clock_now_usec() + DEADLINE_USEC);
}

static int end(void **state)
{
	loop_timer_done(&guard);
	loop_free(loop);
	return 0;
}

/* --- the loop --------------------------------------------------------------------------------- */

static void loop_that_is_stopped_gives_back_the_code(void **state)
{
	loop_stop(loop, 7);
	assert_int_equal(loop_run(loop), 7);
}

static void loop_may_run_again(void **state)
{
	loop_stop(loop, 1);
	assert_int_equal(loop_run(loop), 1);
	loop_stop(loop, 2);
	assert_int_equal(loop_run(loop), 2);
}

static void loop_free_takes_null(void **state)
{
	loop_free(NULL);
}

static void loop_base_is_the_base_of_libevent(void **state)
{
	assert_string_equal(event_base_get_method(loop_base(loop)), "epoll");
}

/* --- descriptors ------------------------------------------------------------------------------ */

struct watch {
	struct loop_fd source;
	int fds[2];
	int n_calls;
	int stop_after;
	int events;
	bool ends_itself;
	char read[16];
};

static void watch_open(struct watch *w)
{
	memset(w, 0, sizeof(*w));
	assert_int_equal(pipe2(w->fds, O_CLOEXEC | O_NONBLOCK), 0);
	w->stop_after = 1;
}

static void watch_done(struct watch *w)
{
	loop_fd_done(&w->source);
	close_fd(&w->fds[0]);
	close_fd(&w->fds[1]);
}

static void on_watch(int fd, int events, void *userdata)
{
	struct watch *w = userdata;

	w->events = events;
	if (++w->n_calls == w->stop_after)
		loop_stop(loop, 0);
	if (w->ends_itself)
		watch_done(w);
}

static void fd_that_is_readable_calls_until_it_is_read(void **state)
{
	cleanup(watch_done) struct watch w;

	watch_open(&w);
	w.stop_after = 3; /* nothing is read: level triggered */
	assert_int_equal(loop_fd_init(&w.source, loop, w.fds[0], LOOP_READ, on_watch, &w), 0);
	assert_int_equal(write(w.fds[1], "x", 1), 1);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(w.n_calls, 3);
	assert_int_equal(w.events, LOOP_READ);
}

static void fd_at_its_end_counts_as_readable(void **state)
{
	cleanup(watch_done) struct watch w;

	watch_open(&w);
	assert_int_equal(loop_fd_init(&w.source, loop, w.fds[0], LOOP_READ, on_watch, &w), 0);
	close_fd(&w.fds[1]);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(w.events, LOOP_READ);
}

static void fd_that_is_writable_calls(void **state)
{
	cleanup(watch_done) struct watch w;

	watch_open(&w);
	assert_int_equal(loop_fd_init(&w.source, loop, w.fds[1], LOOP_WRITE, on_watch, &w), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(w.events, LOOP_WRITE);
}

static void on_first_writable(int fd, int events, void *userdata)
{
	struct watch *w = userdata;

	w->n_calls++;
	assert_int_equal(loop_fd_set(&w->source, 0), 0);
	loop_stop(loop, 0);
}

static void on_stop(void *userdata)
{
	loop_stop(loop, 0);
}

static void fd_events_may_be_changed_inside_the_callback(void **state)
{
	cleanup(watch_done) struct watch w;
	struct loop_timer t;

	watch_open(&w);
	assert_int_equal(loop_fd_init(&w.source, loop, w.fds[1], 0, on_first_writable, &w), 0);
	assert_int_equal(loop_timer_init(&t, loop, on_stop, NULL), 0);
	/* Nothing is watched yet: only the timer ends the turn. */
	assert_int_equal(loop_timer_set(&t, 0), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(w.n_calls, 0);
	/* Watched once: the callback turns it off. */
	assert_int_equal(loop_fd_set(&w.source, LOOP_WRITE), 0);
	assert_int_equal(loop_fd_set(&w.source, LOOP_WRITE), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(w.n_calls, 1);
	assert_int_equal(loop_timer_set(&t, 0), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(w.n_calls, 1);
	loop_timer_done(&t);
}

static void fd_changes_from_writing_to_reading(void **state)
{
	int fds[2];
	struct watch w = {.stop_after = 1};

	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	w.fds[0] = fds[0];
	w.fds[1] = fds[1];
	assert_int_equal(loop_fd_init(&w.source, loop, fds[0], LOOP_WRITE, on_watch, &w), 0);
	assert_int_equal(loop_fd_set(&w.source, LOOP_READ), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(w.events, LOOP_READ);
	watch_done(&w);
}

static void fd_may_end_itself_inside_its_callback(void **state)
{
	struct watch w;

	watch_open(&w);
	w.ends_itself = true;
	assert_int_equal(loop_fd_init(&w.source, loop, w.fds[1], LOOP_WRITE, on_watch, &w), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(w.n_calls, 1);
	assert_null(w.source.event);
}

static void on_end_both(int fd, int events, void *userdata)
{
	struct watch *both = userdata;

	both[0].n_calls++;
	watch_done(&both[0]);
	watch_done(&both[1]);
	loop_stop(loop, 0);
}

static void fd_that_was_ended_by_another_is_not_called_in_the_same_turn(void **state)
{
	struct watch both[2];

	for (size_t i = 0; i < 2; i++) {
		watch_open(&both[i]);
		assert_int_equal(loop_fd_init(&both[i].source, loop, both[i].fds[1], LOOP_WRITE,
					      on_end_both, both),
				 0);
	}
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(both[0].n_calls, 1);
}

static void fd_that_cannot_be_watched_is_an_error_and_inert(void **state)
{
	cleanup_close int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct loop_fd s;

	assert_int_equal(loop_fd_init(&s, loop, file, LOOP_READ, on_watch, NULL), -EPERM);
	assert_null(s.event);
	assert_int_equal(loop_fd_init(&s, loop, 9999, LOOP_READ, on_watch, NULL), -EBADF);
	assert_null(s.event);
}

static void sources_that_are_zeroed_may_be_done(void **state)
{
	struct loop_fd fd = {0};
	struct loop_timer timer = {0};
	struct loop_signal signal = {0};
	struct loop_pid pid = {0};

	loop_fd_done(&fd);
	loop_timer_done(&timer);
	loop_signal_done(&signal);
	loop_pid_done(&pid);
	assert_true(fcntl(0, F_GETFD) >= 0); /* a zeroed pid has no descriptor 0 to close */
}

/* --- timers ----------------------------------------------------------------------------------- */

struct alarm {
	struct loop_timer timer;
	usec_t deadline_usec;
	usec_t fired_usec;
	int n_calls;
};

static void on_alarm(void *userdata)
{
	struct alarm *a = userdata;

	a->fired_usec = clock_now_usec();
	a->n_calls++;
	loop_stop(loop, 0);
}

static void timer_never_fires_before_its_deadline(void **state)
{
	struct alarm a = {0};

	assert_int_equal(loop_timer_init(&a.timer, loop, on_alarm, &a), 0);
	for (usec_t delay = 0; delay < 3000; delay += 37) {
		a.deadline_usec = clock_now_usec() + delay;
		assert_int_equal(loop_timer_set(&a.timer, a.deadline_usec), 0);
		assert_int_equal(loop_run(loop), 0);
		assert_true(a.fired_usec >= a.deadline_usec);
	}
	loop_timer_done(&a.timer);
}

static void timer_is_not_rounded_to_milliseconds(void **state)
{
	struct alarm a = {0};
	usec_t best_usec = USEC_INFINITY;

	/* The best of many: a busy machine delays most, a rounded timer delays all. */
	assert_int_equal(loop_timer_init(&a.timer, loop, on_alarm, &a), 0);
	for (int i = 0; i < 2000 && best_usec >= USEC_PER_MSEC; i++) {
		a.deadline_usec = clock_now_usec() + 300;
		assert_int_equal(loop_timer_set(&a.timer, a.deadline_usec), 0);
		assert_int_equal(loop_run(loop), 0);
		best_usec = MIN_OF(best_usec, a.fired_usec - (a.deadline_usec - 300));
	}
	loop_timer_done(&a.timer);
	assert_true(best_usec < USEC_PER_MSEC);
}

static void on_late(void *userdata)
{
	struct alarm *a = userdata;
	usec_t until = clock_now_usec() + 5 * USEC_PER_MSEC;

	/* Whatever libevent believes the time to be, it is 5 ms later now. */
	while (clock_now_usec() < until)
		;
	a->deadline_usec = clock_now_usec() + 1 * USEC_PER_MSEC;
	assert_int_equal(loop_timer_set(&a->timer, a->deadline_usec), 0);
}

static void timer_that_is_set_in_a_long_callback_does_not_fire_early(void **state)
{
	struct alarm a = {0};
	struct loop_timer late;

	assert_int_equal(loop_timer_init(&a.timer, loop, on_alarm, &a), 0);
	assert_int_equal(loop_timer_init(&late, loop, on_late, &a), 0);
	assert_int_equal(loop_timer_set(&late, 0), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_true(a.fired_usec >= a.deadline_usec);
	loop_timer_done(&late);
	loop_timer_done(&a.timer);
}

/* Counts how often it was fired, and stops the loop in a turn of its own. */
struct finish {
	struct loop_timer timer;
	struct loop_timer stop;
	int n_sources;
	int n_fired;
};

static void on_finish(void *userdata)
{
	struct finish *f = userdata;

	assert_int_equal(f->n_sources, 2);
	f->n_fired++;
	assert_int_equal(loop_timer_set(&f->stop, 0), 0);
}

static void on_source(int fd, int events, void *userdata)
{
	struct finish *f = userdata;
	char byte;

	assert_int_equal(read(fd, &byte, 1), 1);
	f->n_sources++;
	loop_timer_fire(&f->timer);
}

static void timer_that_is_fired_comes_once_behind_what_the_turn_has_found(void **state)
{
	struct finish f = {0};
	struct loop_fd sources[2];
	int ends[2][2];

	assert_int_equal(loop_timer_init(&f.timer, loop, on_finish, &f), 0);
	assert_int_equal(loop_timer_init(&f.stop, loop, on_stop, NULL), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pipe2(ends[i], O_CLOEXEC), 0);
		assert_int_equal(write(ends[i][1], "x", 1), 1);
		assert_int_equal(
			loop_fd_init(&sources[i], loop, ends[i][0], LOOP_READ, on_source, &f), 0);
	}
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(f.n_fired, 1);
	for (int i = 0; i < 2; i++) {
		loop_fd_done(&sources[i]);
		close(ends[i][0]);
		close(ends[i][1]);
	}
	loop_timer_done(&f.stop);
	loop_timer_done(&f.timer);
}

static void timer_fires_once(void **state)
{
	struct alarm a = {0};
	struct loop_timer later;

	assert_int_equal(loop_timer_init(&a.timer, loop, on_alarm, &a), 0);
	assert_int_equal(loop_timer_set(&a.timer, clock_now_usec()), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(loop_timer_init(&later, loop, on_stop, NULL), 0);
	assert_int_equal(loop_timer_set(&later, clock_now_usec() + 2000), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(a.n_calls, 1);
	loop_timer_done(&later);
	loop_timer_done(&a.timer);
}

static void timer_that_is_disarmed_or_moved_does_not_fire(void **state)
{
	struct alarm a = {0};
	struct alarm b = {0};
	struct loop_timer later;

	assert_int_equal(loop_timer_init(&a.timer, loop, on_alarm, &a), 0);
	assert_int_equal(loop_timer_init(&b.timer, loop, on_alarm, &b), 0);
	assert_int_equal(loop_timer_set(&a.timer, clock_now_usec()), 0);
	assert_int_equal(loop_timer_set(&a.timer, USEC_INFINITY), 0);
	assert_int_equal(loop_timer_set(&b.timer, clock_now_usec()), 0);
	assert_int_equal(loop_timer_set(&b.timer, USEC_INFINITY - 1), 0);
	assert_int_equal(loop_timer_init(&later, loop, on_stop, NULL), 0);
	assert_int_equal(loop_timer_set(&later, clock_now_usec() + 2000), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(a.n_calls, 0);
	assert_int_equal(b.n_calls, 0);
	loop_timer_done(&later);
	loop_timer_done(&a.timer);
	loop_timer_done(&b.timer);
}

static void on_free(void *userdata)
{
	struct alarm *a = userdata;

	loop_timer_done(&a->timer);
	free(a);
	loop_stop(loop, 0);
}

static void timer_may_be_freed_inside_its_callback(void **state)
{
	struct alarm *a = calloc(1, sizeof(*a));

	assert_int_equal(loop_timer_init(&a->timer, loop, on_free, a), 0);
	assert_int_equal(loop_timer_set(&a->timer, 0), 0);
	assert_int_equal(loop_run(loop), 0);
}

/* --- signals ---------------------------------------------------------------------------------- */

static void on_signal_seen(int signo, void *userdata)
{
	*(int *)userdata = signo;
	loop_stop(loop, 0);
}

static void signal_arrives_as_an_event_and_its_disposition_comes_back(void **state)
{
	struct loop_signal s;
	struct sigaction now;
	int seen = 0;

	assert_int_equal(loop_signal_init(&s, loop, SIGUSR1, on_signal_seen, &seen), 0);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(seen, SIGUSR1);
	loop_signal_done(&s);
	assert_int_equal(sigaction(SIGUSR1, NULL, &now), 0);
	assert_true(now.sa_handler == SIG_DFL);
}

static void signal_that_cannot_be_caught_is_an_error(void **state)
{
	struct loop_signal s;
	int seen = 0;

	assert_int_equal(loop_signal_init(&s, loop, SIGKILL, on_signal_seen, &seen), -EINVAL);
	assert_null(s.event);
}

#define test_with_loop(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_loop(loop_that_is_stopped_gives_back_the_code),
		test_with_loop(loop_may_run_again),
		test_with_loop(loop_free_takes_null),
		test_with_loop(loop_base_is_the_base_of_libevent),
		test_with_loop(fd_that_is_readable_calls_until_it_is_read),
		test_with_loop(fd_at_its_end_counts_as_readable),
		test_with_loop(fd_that_is_writable_calls),
		test_with_loop(fd_events_may_be_changed_inside_the_callback),
		test_with_loop(fd_changes_from_writing_to_reading),
		test_with_loop(fd_may_end_itself_inside_its_callback),
		test_with_loop(fd_that_was_ended_by_another_is_not_called_in_the_same_turn),
		test_with_loop(fd_that_cannot_be_watched_is_an_error_and_inert),
		test_with_loop(sources_that_are_zeroed_may_be_done),
		test_with_loop(timer_never_fires_before_its_deadline),
		test_with_loop(timer_is_not_rounded_to_milliseconds),
		test_with_loop(timer_that_is_set_in_a_long_callback_does_not_fire_early),
		test_with_loop(timer_that_is_fired_comes_once_behind_what_the_turn_has_found),
		test_with_loop(timer_fires_once),
		test_with_loop(timer_that_is_disarmed_or_moved_does_not_fire),
		test_with_loop(timer_may_be_freed_inside_its_callback),
		test_with_loop(signal_arrives_as_an_event_and_its_disposition_comes_back),
		test_with_loop(signal_that_cannot_be_caught_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
