/* SPDX-License-Identifier: MIT */

/*
 * Limits of processes that run, on children of this one.
 */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/error.h"
#include "lib/file.h"
#include "lib/units.h"
#include "config/limits.h"
#include "supervisor/process-limits.h"

struct family {
	pid_t child;
	pid_t grandchild;
};

static int begin_family(void **state)
{
	static struct family f;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	f.child = fork();
	assert_true(f.child >= 0);
	if (f.child == 0) {
		pid_t pid = fork();

		if (pid > 0 && write(ends[1], &pid, sizeof(pid)) < 0)
			_exit(1);
		for (;;)
			(void)pause();
	}
	assert_int_equal(read(ends[0], &f.grandchild, sizeof(f.grandchild)), sizeof(f.grandchild));
	(void)close(ends[0]);
	(void)close(ends[1]);
	*state = &f;
	return 0;
}

static int end_family(void **state)
{
	struct family *f = *state;

	(void)kill(f->grandchild, SIGKILL);
	(void)kill(f->child, SIGKILL);
	return waitpid(f->child, NULL, 0) == f->child ? 0 : -1;
}

static uint64_t open_files_of(pid_t pid)
{
	struct rlimit has;

	assert_int_equal(prlimit(pid, RLIMIT_NOFILE, NULL, &has), 0);
	assert_true(has.rlim_cur == has.rlim_max);
	return has.rlim_cur;
}

static int oom_score_of(pid_t pid)
{
	cleanup_free char *text = NULL;
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
	assert_int_equal(file_read(path, 32, &text, NULL), 0);
	return (int)strtol(text, NULL, 10);
}

static void limits_are_changed_in_all_processes(void **state)
{
	const struct family *f = *state;
	struct config_limits l;

	config_limits_unset(&l);
	l.open_files = 100;
	l.has_oom_score = true;
	l.oom_score = 900;
	assert_int_equal(process_limits_set(f->child, &l, NULL), 0);
	assert_int_equal(open_files_of(f->child), 100);
	assert_int_equal(open_files_of(f->grandchild), 100);
	assert_int_equal(oom_score_of(f->child), 900);
	assert_int_equal(oom_score_of(f->grandchild), 900);
}

static void limits_that_are_not_set_are_left_alone(void **state)
{
	const struct family *f = *state;
	int score = oom_score_of(f->child);
	struct config_limits l;

	config_limits_unset(&l);
	l.open_files = 100;
	assert_int_equal(process_limits_set(f->child, &l, NULL), 0);
	config_limits_unset(&l);
	assert_int_equal(process_limits_set(f->child, &l, NULL), 0);
	assert_int_equal(open_files_of(f->child), 100);
	assert_int_equal(oom_score_of(f->child), score);
}

static void limits_of_what_has_ended_are_no_error(void **state)
{
	struct config_limits l;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	config_limits_unset(&l);
	l.open_files = 100;
	l.has_oom_score = true;
	assert_int_equal(process_limits_set(pid, &l, NULL), 0);
}

static void limits_that_cannot_be_had_are_an_error(void **state)
{
	const struct family *f = *state;
	struct config_limits l;
	struct error err = {0};

	config_limits_unset(&l);
	l.has_oom_score = true;
	l.oom_score = 5000;
	assert_int_equal(process_limits_set(f->child, &l, &err), -EINVAL);
	assert_non_null(strstr(err.text, "oom_score of process"));
}

#define T(test) cmocka_unit_test_setup_teardown(test, begin_family, end_family)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(limits_are_changed_in_all_processes),
		T(limits_that_are_not_set_are_left_alone),
		cmocka_unit_test(limits_of_what_has_ended_are_no_error),
		T(limits_that_cannot_be_had_are_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
