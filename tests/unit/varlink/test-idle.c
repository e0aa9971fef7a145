/* SPDX-License-Identifier: MIT */

/*
 * A server in our own loop that is told when nobody is connected. What must not happen is proven by
 * a later deadline of the same loop.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/loop.h"
#include "lib/varlink/server.h"
#include "tests/unit/lib/temp.h"

#define IDLE_USEC USEC_PER_MSEC
#define LATER_USEC (50 * USEC_PER_MSEC)

struct world {
	struct temp temp;
	struct loop *loop;
	struct varlink_server *server;
	struct loop_timer later;
	unsigned n_idle;
};

static void on_idle(void *userdata)
{
	struct world *w = userdata;

	w->n_idle++;
	loop_stop(w->loop, 0);
}

static void on_later(void *userdata)
{
	struct world *w = userdata;

	loop_stop(w->loop, 0);
}

static int caller(struct world *w)
{
	int fd = fd_unix_connect(temp_path(&w->temp, "sock"), SOCK_STREAM);

	assert_true(fd >= 0);
	return fd;
}

static void watch(struct world *w)
{
	assert_int_equal(varlink_server_watch_idle(w->server, IDLE_USEC, on_idle, w), 0);
}

static void run_until_later(struct world *w)
{
	assert_int_equal(loop_timer_set(&w->later, clock_now_usec() + LATER_USEC), 0);
	assert_int_equal(loop_run(w->loop), 0);
}

static void idle_without_a_caller_is_told_once(void **state)
{
	struct world *w = *state;

	watch(w);
	assert_int_equal(loop_run(w->loop), 0);
	assert_int_equal(w->n_idle, 1);
	run_until_later(w);
	assert_int_equal(w->n_idle, 1);
}

static void idle_is_not_told_while_somebody_is_connected(void **state)
{
	struct world *w = *state;
	int first = caller(w), second = caller(w);

	run_until_later(w);
	watch(w);
	run_until_later(w);
	assert_int_equal(w->n_idle, 0);
	close_fd(&first);
	run_until_later(w);
	assert_int_equal(w->n_idle, 0);
	close_fd(&second);
	assert_int_equal(loop_run(w->loop), 0);
	assert_int_equal(w->n_idle, 1);
}

static int setup(void **state)
{
	static struct world w;
	int fd;

	w = (struct world){0};
	temp_init(&w.temp);
	fd = fd_unix_listen(temp_path(&w.temp, "sock"), SOCK_STREAM, 0600);
	if (fd < 0 || loop_new(&w.loop) < 0 ||
	    loop_timer_init(&w.later, w.loop, on_later, &w) < 0 ||
	    varlink_server_new(w.loop, NULL, NULL, &w.server) < 0 ||
	    varlink_server_listen(w.server, fd) < 0)
		return -1;
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	varlink_server_free(w->server);
	loop_timer_done(&w->later);
	loop_free(w->loop);
	temp_done(&w->temp);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(idle_without_a_caller_is_told_once),
		TEST(idle_is_not_told_while_somebody_is_connected),
	};

	return cmocka_run_group_tests_name("idle", tests, NULL, NULL);
}
