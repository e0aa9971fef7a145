/* SPDX-License-Identifier: MIT */
#include "supervisor/keeper/cause.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>

#include <cmocka.h>

#define EXITED(code) ((code) << 8)

static void exit_code_is_an_exit(void **state)
{
	assert_int_equal(cause_find(&(struct cause_evidence){.wait_status = EXITED(0)}),
			 KEEPER_CAUSE_EXIT);
	assert_int_equal(cause_find(&(struct cause_evidence){.wait_status = EXITED(3)}),
			 KEEPER_CAUSE_EXIT);
}

static void signal_is_a_signal(void **state)
{
	struct cause_evidence e = {.wait_status = SIGSEGV | 0x80};

	assert_int_equal(cause_find(&e), KEEPER_CAUSE_SIGNAL);
}

static void sigkill_with_an_oom_kill_is_oom(void **state)
{
	struct cause_evidence e = {.wait_status = SIGKILL, .oom_kills = 1};

	assert_int_equal(cause_find(&e), KEEPER_CAUSE_OOM);
}

static void sigkill_without_one_is_a_signal(void **state)
{
	struct cause_evidence e = {.wait_status = SIGKILL};

	assert_int_equal(cause_find(&e), KEEPER_CAUSE_SIGNAL);
}

static void exit_after_the_oom_kill_of_a_child_is_an_exit(void **state)
{
	struct cause_evidence e = {.wait_status = EXITED(7), .oom_kills = 1};

	assert_int_equal(cause_find(&e), KEEPER_CAUSE_EXIT);
}

static void failure_after_refused_forks_is_tasks_max(void **state)
{
	struct cause_evidence e = {.wait_status = EXITED(1), .tasks_denied = 5};

	assert_int_equal(cause_find(&e), KEEPER_CAUSE_TASKS_MAX);
}

static void success_after_refused_forks_is_an_exit(void **state)
{
	struct cause_evidence e = {.wait_status = EXITED(0), .tasks_denied = 5};

	assert_int_equal(cause_find(&e), KEEPER_CAUSE_EXIT);
}

static void unknowable_status_is_an_exit_whatever_was_counted(void **state)
{
	struct cause_evidence e = {.wait_status = -1, .tasks_denied = 5, .oom_kills = 1};

	assert_int_equal(cause_find(&e), KEEPER_CAUSE_EXIT);
}

static void failed_exec_comes_first(void **state)
{
	struct cause_evidence e = {.wait_status = -1, .never_ran = true, .oom_kills = 1};

	assert_int_equal(cause_find(&e), KEEPER_CAUSE_EXEC_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exit_code_is_an_exit),
		cmocka_unit_test(signal_is_a_signal),
		cmocka_unit_test(sigkill_with_an_oom_kill_is_oom),
		cmocka_unit_test(sigkill_without_one_is_a_signal),
		cmocka_unit_test(exit_after_the_oom_kill_of_a_child_is_an_exit),
		cmocka_unit_test(failure_after_refused_forks_is_tasks_max),
		cmocka_unit_test(success_after_refused_forks_is_an_exit),
		cmocka_unit_test(unknowable_status_is_an_exit_whatever_was_counted),
		cmocka_unit_test(failed_exec_comes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
