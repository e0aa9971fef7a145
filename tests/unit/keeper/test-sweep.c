/* SPDX-License-Identifier: MIT */

/*
 * The pacing of a sweep, with a few real children: rounds follow each other while there is
 * progress, and slow down when there is none.
 */

#include "supervisor/keeper/sweep.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "supervisor/keeper/cgroup.h"
#include "supervisor/keeper/clock.h"

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
	sweep_turn(&s, &no_cgroup);
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
	sweep_end(&s);
}

static void stopped_child_is_killed_too(void **state)
{
	struct sweep s;
	pid_t pid = fork_waiting();

	assert_int_equal(kill(pid, SIGSTOP), 0);
	sweep_begin(&s);
	sweep_turn(&s, &no_cgroup);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	sweep_end(&s);
}

/* One that outlives SIGKILL: it has a parent who does not reap it, and is no child of ours. */
static pid_t fork_parent_of_corpse(void)
{
	int ready[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		pid_t child = fork();

		if (child == 0)
			_exit(0);
		(void)!write(ready[1], "x", 1);
		for (;;)
			(void)pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	(void)close(ready[1]);
	return pid;
}

static void rounds_without_progress_slow_down(void **state)
{
	usec_t last = 10 * USEC_PER_MSEC;
	struct sweep s;

	sweep_begin(&s);
	for (int i = 0; i < 30; i++) {
		sweep_turn(&s, &no_cgroup);
		assert_true(s.pause_usec == last * 2 || s.pause_usec == USEC_PER_SEC);
		last = s.pause_usec;
	}
	assert_int_equal(last, USEC_PER_SEC);
	assert_true(s.next_usec >= clock_usec(CLOCK_MONOTONIC) + last / 2);
	sweep_end(&s);
}

static void new_processes_speed_it_up_again(void **state)
{
	struct sweep s;
	pid_t pid;

	sweep_begin(&s);
	for (int i = 0; i < 5; i++)
		sweep_turn(&s, &no_cgroup);
	pid = fork_waiting();
	sweep_turn(&s, &no_cgroup);
	assert_int_equal(s.n_left, 1);
	assert_int_equal(s.pause_usec, 10 * USEC_PER_MSEC);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	sweep_end(&s);
}

static void corpses_of_ours_are_not_looked_for(void **state)
{
	struct sweep s;
	pid_t pid = fork_waiting();
	siginfo_t info;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	sweep_begin(&s);
	sweep_turn(&s, &no_cgroup);
	assert_int_equal(s.n_left, 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	sweep_end(&s);
}

static void corpses_of_others_are_passed_on_by_their_parents_end(void **state)
{
	struct sweep s;
	pid_t pid = fork_parent_of_corpse();

	sweep_begin(&s);
	sweep_turn(&s, &no_cgroup);
	assert_int_equal(s.n_left, 2);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(waitpid(-1, NULL, 0) > 0);
	sweep_end(&s);
}

static void sweep_is_in_a_hurry_only_while_it_goes_on(void **state)
{
	struct sweep s;

	sweep_begin(&s);
	assert_false(s.is_hurried);
	sweep_turn(&s, &no_cgroup);
	assert_int_equal(sched_getscheduler(0) & ~SCHED_RESET_ON_FORK,
			 s.is_hurried ? SCHED_RR : SCHED_OTHER);
	if (geteuid() == 0)
		assert_true(s.is_hurried);
	sweep_end(&s);
	assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
	sweep_end(&s);
}

static int become_subreaper(void **state)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 1);
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
		cmocka_unit_test(corpses_of_ours_are_not_looked_for),
		cmocka_unit_test(corpses_of_others_are_passed_on_by_their_parents_end),
		cmocka_unit_test(sweep_is_in_a_hurry_only_while_it_goes_on),
		cmocka_unit_test(more_deaths_than_expected_are_no_harm),
	};

	return cmocka_run_group_tests(tests, become_subreaper, NULL);
}
