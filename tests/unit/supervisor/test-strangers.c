/* SPDX-License-Identifier: MIT */

/*
 * Reaping strangers without stealing the exits of those that somebody waits for.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <signal.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "supervisor/strangers.h"
#include "tests/unit/supervisor/until.h"

#define N_EACH 100

struct world {
	struct loop *loop;
	struct strangers strangers;
	struct loop_pid watched[N_EACH];
	unsigned n_ended;
	unsigned n_wrong;
};

static void on_end(pid_t pid, int wait_status, void *userdata)
{
	struct world *w = userdata;

	w->n_ended++;
	w->n_wrong += !WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != 7;
}

static pid_t die(int code)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(code);
	return pid;
}

static bool has_no_children(void *userdata)
{
	siginfo_t info = {0};

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD;
}

static void strangers_are_reaped_and_exits_are_not_stolen(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < N_EACH; i++) {
		die(0);
		assert_int_equal(loop_pid_init(&w->watched[i], w->loop, die(7), -1, on_end, w), 0);
		die(1);
	}
	assert_int_equal(strangers_init(&w->strangers, w->loop), 0);
	for (int i = 0; i < N_EACH; i++)
		die(2);
	assert_true(until(w->loop, has_no_children, w));
	assert_int_equal(w->n_ended, N_EACH);
	assert_int_equal(w->n_wrong, 0);
}

static void strangers_that_die_later_are_reaped_too(void **state)
{
	struct world *w = *state;

	assert_int_equal(strangers_init(&w->strangers, w->loop), 0);
	assert_true(until(w->loop, has_no_children, w));
	for (int i = 0; i < 3; i++) {
		die(0);
		assert_true(until(w->loop, has_no_children, w));
	}
}

static void strangers_done_leaves_them_to_others(void **state)
{
	struct world *w = *state;
	pid_t pid;

	assert_int_equal(strangers_init(&w->strangers, w->loop), 0);
	strangers_done(&w->strangers);
	pid = die(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int setup(void **state)
{
	static struct world w;

	w = (struct world){0};
	*state = &w;
	return loop_new(&w.loop);
}

static int teardown(void **state)
{
	struct world *w = *state;

	strangers_done(&w->strangers);
	loop_free(w->loop);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(strangers_are_reaped_and_exits_are_not_stolen),
		TEST(strangers_that_die_later_are_reaped_too),
		TEST(strangers_done_leaves_them_to_others),
	};

	return cmocka_run_group_tests_name("strangers", tests, NULL, NULL);
}
