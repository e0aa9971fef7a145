/* SPDX-License-Identifier: MIT */

/*
 * A timer of the wall clock. That it fires when the clock is set is not tried here: it is the
 * machine's clock.
 */

#include "lib/wall-timer.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/clock.h"

#define FIRED 1
#define TIMED_OUT 99

static struct loop *loop;
static struct loop_timer guard;
static struct wall_timer timer;

static void on_guard(void *userdata)
{
	loop_stop(loop, TIMED_OUT);
}

static void on_time(void *userdata)
{
	loop_stop(loop, FIRED);
}

static int begin(void **state)
{
	if (loop_new(&loop) < 0 || loop_timer_init(&guard, loop, on_guard, NULL) < 0)
		return -1;
	return wall_timer_init(&timer, loop, on_time, NULL);
}

static int end(void **state)
{
	wall_timer_done(&timer);
	loop_timer_done(&guard);
	loop_free(loop);
	return 0;
}

static void give_up_in(usec_t usec)
{
	assert_int_equal(loop_timer_set(&guard, clock_now_usec() + usec), 0);
}

static void timer_fires_at_its_time_and_once(void **state)
{
	usec_t at_usec = clock_at_usec() + 20 * USEC_PER_MSEC;

	give_up_in(20 * USEC_PER_SEC);
	assert_int_equal(wall_timer_set(&timer, at_usec), 0);
	assert_int_equal(loop_run(loop), FIRED);
	assert_true(clock_at_usec() >= at_usec);
	give_up_in(20 * USEC_PER_MSEC);
	assert_int_equal(loop_run(loop), TIMED_OUT);
}

static void time_that_has_passed_fires_at_once(void **state)
{
	give_up_in(20 * USEC_PER_SEC);
	assert_int_equal(wall_timer_set(&timer, 0), 0);
	assert_int_equal(loop_run(loop), FIRED);
}

static void infinity_disarms(void **state)
{
	assert_int_equal(wall_timer_set(&timer, clock_at_usec() + 20 * USEC_PER_MSEC), 0);
	assert_int_equal(wall_timer_set(&timer, USEC_INFINITY), 0);
	give_up_in(60 * USEC_PER_MSEC);
	assert_int_equal(loop_run(loop), TIMED_OUT);
}

static void timer_of_zeros_may_be_ended(void **state)
{
	struct wall_timer none = {0};

	wall_timer_done(&none);
	wall_timer_done(&none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(timer_fires_at_its_time_and_once, begin, end),
		cmocka_unit_test_setup_teardown(time_that_has_passed_fires_at_once, begin, end),
		cmocka_unit_test_setup_teardown(infinity_disarms, begin, end),
		cmocka_unit_test(timer_of_zeros_may_be_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
