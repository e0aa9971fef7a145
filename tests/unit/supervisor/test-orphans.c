/* SPDX-License-Identifier: MIT */

/*
 * Killing what nobody keeps: trees that hide, trees that grow, and those that must stay.
 *
 * That all are gone is proven by a pipe: every process of a tree inherits its write end, and only
 * when the last one is dead does the reading end see the end of the file.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "supervisor/orphans.h"
#include "supervisor/process.h"

struct tree {
	int alive[2];
	int ready[2];
	pid_t root;
};

/* In a child: tells that it is there, and stays. */
static void stay(const struct tree *t)
{
	ssize_t n = write(t->ready[1], "x", 1);

	if (n != 1)
		_exit(1);
	for (;;)
		pause();
}

static void fork_and_stay(const struct tree *t)
{
	if (fork() == 0)
		stay(t);
}

static void *thread_main(void *userdata)
{
	fork_and_stay(userdata);
	pause();
	return NULL;
}

/* Its leader ends, and a thread lives on: the process is a zombie to those who only look. */
static void only_a_thread(const struct tree *t)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, thread_main, (void *)t) != 0)
		_exit(1);
	pthread_exit(NULL);
}

static void plain(const struct tree *t)
{
	fork_and_stay(t);
	stay(t);
}

/* A child in a session of its own, a daemon, and one that ignores whatever can be ignored. */
static void hidden(const struct tree *t)
{
	if (fork() == 0) {
		setsid();
		if (fork() == 0) {
			setsid();
			stay(t);
		}
		_exit(0);
	}
	if (fork() == 0) {
		for (int i = 1; i < 64; i++)
			signal(i, SIG_IGN);
		stay(t);
	}
	stay(t);
}

/* Forks as fast as it can, each child too; only being stopped ends it. */
static void storm(const struct tree *t)
{
	ssize_t n = write(t->ready[1], "x", 1);

	if (n != 1)
		_exit(1);
	for (int depth = 0; depth < 20000; depth++) {
		pid_t pid = fork();

		if (pid > 0)
			_exit(0); /* the child goes on, with another pid and another father */
		if (pid < 0)
			pause();
	}
	pause();
	_exit(0);
}

static void plant(struct tree *t, void (*grow)(const struct tree *t), size_t n_ready)
{
	char c;

	assert_int_equal(pipe2(t->alive, O_NONBLOCK), 0);
	assert_int_equal(pipe(t->ready), 0);
	t->root = fork();
	assert_true(t->root >= 0);
	if (t->root == 0) {
		grow(t);
		_exit(0);
	}
	close_fd(&t->alive[1]);
	for (size_t i = 0; i < n_ready; i++)
		assert_int_equal(read(t->ready[0], &c, 1), 1);
}

static bool all_gone(const struct tree *t)
{
	char c;

	return read(t->alive[0], &c, 1) == 0;
}

static void reap_all(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static void dig_up(struct tree *t)
{
	close_fd(&t->alive[0]);
	close_fd(&t->ready[0]);
	close_fd(&t->ready[1]);
	reap_all();
}

static bool is_pid(pid_t pid, void *userdata)
{
	return pid == *(pid_t *)userdata;
}

/* On a machine with other things to do a sweep may run out of time: then it is to be repeated, and
 * how many were killed is told in parts, so that only the sweep's end can be looked at. */
static bool kills(pid_t parent, bool (*is_kept)(pid_t pid, void *userdata), void *userdata, int min,
		  int max)
{
	int r = orphans_kill(parent, is_kept, userdata);
	bool is_told_in_parts = r == -EBUSY;

	while (r == -EBUSY)
		r = orphans_kill(parent, is_kept, userdata);
	return r >= 0 && (is_told_in_parts || (r >= min && r <= max));
}

static void assert_killed(void (*grow)(const struct tree *t), size_t n_ready, int n_killed)
{
	struct tree t;

	plant(&t, grow, n_ready);
	/* The first fork of a double fork may not have quite exited: then it is killed as well. */
	assert_true(kills(getpid(), NULL, NULL, n_killed, 2 * n_killed));
	assert_true(all_gone(&t));
	dig_up(&t);
	assert_int_equal(orphans_kill(getpid(), NULL, NULL), 0);
}

static void orphans_are_killed_with_their_children(void **state)
{
	assert_killed(plain, 2, 2);
}

static void orphans_in_sessions_of_their_own_are_found(void **state)
{
	assert_killed(hidden, 3, 3);
}

static void orphans_whose_leader_has_ended_are_found(void **state)
{
	assert_killed(only_a_thread, 1, 2);
}

static void orphans_that_fork_are_caught_up_with(void **state)
{
	for (int round = 0; round < 20; round++) {
		usec_t deadline_usec = clock_now_usec() + 60 * USEC_PER_SEC;
		struct tree t;
		int r;

		plant(&t, storm, 1);
		do {
			r = orphans_kill(getpid(), NULL, NULL);
			reap_all();
		} while (r == -EBUSY && clock_now_usec() < deadline_usec);
		assert_true(r >= 0);
		assert_true(all_gone(&t));
		dig_up(&t);
	}
}

static void orphans_that_are_kept_stay_with_their_tree(void **state)
{
	struct tree kept;
	struct tree other;
	pid_t father;

	plant(&kept, plain, 2);
	plant(&other, plain, 2);
	assert_true(kills(getpid(), is_pid, &kept.root, 2, 2));
	assert_false(all_gone(&kept));
	/* The other tree's processes inherited the first one's pipe, not the reverse. */
	assert_true(all_gone(&other));
	father = kept.root;
	assert_int_equal(kill(father, 0), 0);
	assert_true(kills(getpid(), NULL, NULL, 2, 2));
	assert_true(all_gone(&kept));
	dig_up(&kept);
	dig_up(&other);
}

static void orphans_of_another_process_leave_us_alone(void **state)
{
	struct tree t;
	pid_t us = fork();
	int status = 0;

	assert_true(us >= 0);
	if (us == 0) {
		/* Our father's children are: this process, and the tree that he planted before. */
		_exit(orphans_kill(getppid(), NULL, NULL) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(us, &status, 0), us);
	assert_int_equal(status, 0);

	plant(&t, plain, 2);
	us = fork();
	assert_true(us >= 0);
	if (us == 0)
		_exit(kills(getppid(), NULL, NULL, 2, 2) ? 0 : 1);
	assert_int_equal(waitpid(us, &status, 0), us);
	assert_int_equal(status, 0);
	assert_true(all_gone(&t));
	dig_up(&t);
}

static void orphans_of_a_process_that_is_gone_are_an_error(void **state)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(orphans_kill(pid, NULL, NULL), -ESRCH);
}

static void process_with_another_start_is_not_signalled(void **state)
{
	struct tree t;
	struct process p;

	plant(&t, plain, 2);
	assert_int_equal(process_get(t.root, &p), 0);
	assert_int_equal(p.parent, getpid());
	p.start++;
	assert_int_equal(process_signal(&p, SIGKILL), -ESRCH);
	assert_int_equal(process_wait(&p, 0), 0);
	p.start--;
	assert_int_equal(process_wait(&p, clock_now_usec() + 1000), -ETIMEDOUT);
	assert_int_equal(process_signal(&p, SIGKILL), 0);
	assert_int_equal(process_wait(&p, clock_now_usec() + 60 * USEC_PER_SEC), 0);
	assert_int_equal(waitpid(t.root, NULL, 0), t.root);
	assert_int_equal(process_get(t.root, &p), -ESRCH);
	assert_true(kills(getpid(), NULL, NULL, 0, INT_MAX));
	dig_up(&t);
}

static void process_children_are_those_of_all_threads(void **state)
{
	cleanup_free pid_t *pids = NULL;
	struct tree t;
	size_t n = 0;

	plant(&t, only_a_thread, 1);
	assert_int_equal(process_children(t.root, &pids, &n), 0);
	assert_int_equal(n, 1);
	assert_true(kills(getpid(), NULL, NULL, 2, 2));
	dig_up(&t);
}

static int become_subreaper(void **state)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orphans_are_killed_with_their_children),
		cmocka_unit_test(orphans_in_sessions_of_their_own_are_found),
		cmocka_unit_test(orphans_whose_leader_has_ended_are_found),
		cmocka_unit_test(orphans_that_fork_are_caught_up_with),
		cmocka_unit_test(orphans_that_are_kept_stay_with_their_tree),
		cmocka_unit_test(orphans_of_another_process_leave_us_alone),
		cmocka_unit_test(orphans_of_a_process_that_is_gone_are_an_error),
		cmocka_unit_test(process_with_another_start_is_not_signalled),
		cmocka_unit_test(process_children_are_those_of_all_threads),
	};

	return cmocka_run_group_tests_name("orphans", tests, become_subreaper, NULL);
}
