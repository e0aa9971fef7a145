/* SPDX-License-Identifier: MIT */

/*
 * The pacing of a sweep, with a few real children: rounds follow each other while there is
 * progress, and slow down when there is none.
 */

#include "supervisor/keeper/sweep.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "supervisor/keeper/cgroup.h"

#define NOW (1000 * USEC_PER_SEC)

static const struct cgroup no_cgroup = {.dir = -1, .events = -1};

static pid_t fork_waiting(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	for (;;)
		(void)pause();
}

static void round_kills_all_children(void **state)
{
	struct sweep s;
	pid_t pids[5];

	for (size_t i = 0; i < ARRAY_LEN(pids); i++)
		pids[i] = fork_waiting();
	sweep_begin(&s);
	sweep_turn(&s, &no_cgroup, NOW);
	assert_int_equal(s.n_left, 5);
	assert_int_equal(s.n_pending, 5);
	for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(WTERMSIG(status), SIGKILL);
	}
	sweep_saw(&s, 5, 5);
	assert_int_equal(s.n_pending, 0);
	assert_int_equal(s.n_killed, 5);
}

static void stopped_child_is_killed_too(void **state)
{
	struct sweep s;
	pid_t pid = fork_waiting();

	assert_int_equal(kill(pid, SIGSTOP), 0);
	sweep_begin(&s);
	sweep_turn(&s, &no_cgroup, NOW);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void rounds_without_progress_slow_down(void **state)
{
	struct sweep s;
	pid_t pid = fork_waiting();
	usec_t first, second;

	sweep_begin(&s);
	sweep_turn(&s, &no_cgroup, NOW);
	first = s.next_usec - NOW;
	/* Not reaped: the next look finds the same one. */
	sweep_turn(&s, &no_cgroup, NOW);
	second = s.next_usec - NOW;
	assert_int_equal(second, 2 * first);
	for (int i = 0; i < 30; i++)
		sweep_turn(&s, &no_cgroup, NOW);
	assert_int_equal(s.next_usec - NOW, USEC_PER_SEC);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void new_processes_speed_it_up_again(void **state)
{
	struct sweep s;
	pid_t pid = fork_waiting();
	usec_t first;

	sweep_begin(&s);
	sweep_turn(&s, &no_cgroup, NOW);
	first = s.next_usec;
	sweep_turn(&s, &no_cgroup, NOW);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	pid = fork_waiting();
	sweep_turn(&s, &no_cgroup, NOW);
	assert_int_equal(s.next_usec, first);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void more_deaths_than_expected_are_no_harm(void **state)
{
	struct sweep s;

	sweep_begin(&s);
	sweep_saw(&s, 7, 2);
	assert_int_equal(s.n_pending, 0);
	assert_int_equal(s.n_killed, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_kills_all_children),
		cmocka_unit_test(stopped_child_is_killed_too),
		cmocka_unit_test(rounds_without_progress_slow_down),
		cmocka_unit_test(new_processes_speed_it_up_again),
		cmocka_unit_test(more_deaths_than_expected_are_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
