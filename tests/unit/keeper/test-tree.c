/* SPDX-License-Identifier: MIT */
#include "supervisor/keeper/tree.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cmocka.h>

#define MANY 300

static pid_t fork_waiting(const char *name)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	if (name)
		(void)prctl(PR_SET_NAME, name);
	for (;;)
		(void)pause();
}

static void end(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void look_finds_parent_and_start(void **state)
{
	struct tree_process us, child;
	pid_t pid = fork_waiting(NULL);

	assert_int_equal(tree_look(getpid(), &us), 0);
	assert_int_equal(tree_look(pid, &child), 0);
	assert_int_equal(us.parent, getppid());
	assert_int_equal(child.parent, getpid());
	assert_true(child.start >= us.start && us.start > 0);
	end(pid);
	assert_int_equal(tree_look(pid, &child), -ESRCH);
}

static void name_that_looks_like_the_rest_misleads_nobody(void **state)
{
	struct tree_process child;
	pid_t pid = fork_waiting(") R 1 1 (");

	assert_int_equal(tree_look(pid, &child), 0);
	assert_int_equal(child.parent, getpid());
	end(pid);
}

static void descendants_are_ours_and_others_are_not(void **state)
{
	pid_t pid = fork_waiting(NULL);

	assert_true(tree_has(getpid(), pid));
	assert_true(tree_has(getppid(), pid));
	assert_false(tree_has(pid, getpid()));
	assert_false(tree_has(getpid(), getpid()));
	assert_false(tree_has(getpid(), 1));
	assert_false(tree_has(getpid(), 0));
	end(pid);
	assert_false(tree_has(getpid(), pid));
}

static void all_descendants_get_the_signal(void **state)
{
	static pid_t pids[MANY + 1], found[MANY + 10];
	size_t n = 0;

	for (size_t i = 0; i < MANY; i++)
		pids[i] = fork_waiting(NULL);
	n = tree_signal(getpid(), SIGKILL, found, MANY + 10);
	assert_int_equal(n, MANY);
	for (size_t i = 0; i < MANY; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
	assert_int_equal(tree_signal(getpid(), SIGKILL, found, MANY), 0);
}

static void list_ends_at_its_bound(void **state)
{
	pid_t pids[3], found[2];

	for (size_t i = 0; i < ARRAY_LEN(pids); i++)
		pids[i] = fork_waiting(NULL);
	assert_int_equal(tree_signal(getpid(), SIGCONT, found, ARRAY_LEN(found)), 2);
	for (size_t i = 0; i < ARRAY_LEN(pids); i++)
		end(pids[i]);
}

static void grandchildren_come_after_their_parents(void **state)
{
	pid_t found[8], child = 0;
	int ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (fork() == 0)
			(void)!write(ready[1], "x", 1);
		for (;;)
			(void)pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	/* SIGCONT: a parent that the walk has killed may be gone before it is asked for children.
	 */
	assert_int_equal(tree_signal(getpid(), SIGCONT, found, ARRAY_LEN(found)), 2);
	assert_int_equal(found[0], child);
	end(found[0]);
	end(found[1]);
	(void)close(ready[0]);
	(void)close(ready[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(look_finds_parent_and_start),
		cmocka_unit_test(name_that_looks_like_the_rest_misleads_nobody),
		cmocka_unit_test(descendants_are_ours_and_others_are_not),
		cmocka_unit_test(all_descendants_get_the_signal),
		cmocka_unit_test(list_ends_at_its_bound),
		cmocka_unit_test(grandchildren_come_after_their_parents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
