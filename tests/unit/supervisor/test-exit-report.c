/* SPDX-License-Identifier: MIT */

/*
 * Exits in words: every cause, and every fact that may be missing.
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

#include "lib/clock.h"
#include "lib/json.h"
#include "supervisor/exit-report.h"

#define CORE 0x80

struct words {
	struct keeper_exit report;
	const char *summary;
};

#define UP(seconds) .uptime_usec = (seconds)*USEC_PER_SEC

/* As whoever reads the store or the answers sees it. */
static json_t *report(const char *service, unsigned instance, const struct keeper_exit *e)
{
	cleanup_free char *summary = exit_report_summary(e);
	cleanup_free char *text = exit_report_json(service, instance, e, NULL, summary);
	json_t *j;

	assert_non_null(text);
	j = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(j);
	return j;
}

static const struct words table[] = {
	{{.cause = KEEPER_CAUSE_EXIT, .wait_status = W_EXITCODE(1, 0), UP(2)}, "exit 1 after 2s"},
	{{.cause = KEEPER_CAUSE_EXIT, .wait_status = 0, .uptime_usec = 15000}, "exit 0 after 15ms"},
	{{.cause = KEEPER_CAUSE_SIGNAL, .wait_status = SIGSEGV | CORE, UP(3 * 3600)},
	 "killed by SIGSEGV (core dumped) after 3h"},
	{{.cause = KEEPER_CAUSE_SIGNAL, .wait_status = 40, UP(1)}, "killed by signal 40 after 1s"},
	{{.cause = KEEPER_CAUSE_OOM, .wait_status = SIGKILL, UP(3), .memory_peak_bytes = 64 << 20},
	 "killed by the kernel: the machine or its slice was out of memory, it had 64M at most "
	 "after "
	 "3s"},
	{{.cause = KEEPER_CAUSE_OOM,
	  .wait_status = SIGKILL,
	  UP(3),
	  .memory_peak_bytes = 64 << 20,
	  .memory_max_bytes = 64 << 20,
	  .oom_hits = 1},
	 "killed by the kernel: memory 64M of 64M after 3s"},
	{{.cause = KEEPER_CAUSE_EXIT, .wait_status = W_EXITCODE(7, 0), UP(3), .oom_kills = 1},
	 "exit 7 after 3s; the kernel killed 1 of its processes for memory"},
	{{.cause = KEEPER_CAUSE_OOM, .wait_status = SIGKILL, UP(3)},
	 "killed by the kernel: out of memory after 3s"},
	{{.cause = KEEPER_CAUSE_WATCHDOG, .wait_status = SIGABRT, UP(60)},
	 "killed: its watchdog heard nothing from it after 1m"},
	{{.cause = KEEPER_CAUSE_HEALTH, .wait_status = SIGTERM, UP(60)},
	 "stopped: its health checks failed after 1m"},
	{{.cause = KEEPER_CAUSE_NOT_READY, .wait_status = SIGTERM, UP(30)},
	 "stopped: not ready in time after 30s"},
	{{.cause = KEEPER_CAUSE_STOP, .wait_status = SIGTERM, UP(5), .asker = "cli root"},
	 "stopped by cli root after 5s"},
	{{.cause = KEEPER_CAUSE_STOP, .wait_status = W_EXITCODE(3, 0), UP(5)},
	 "stopped (exit 3) after 5s"},
	{{.cause = KEEPER_CAUSE_STOP_TIMEOUT,
	  .wait_status = SIGKILL,
	  UP(15),
	  .asker = "cli root",
	  .n_killed = 3},
	 "told to stop by cli root, did not, was killed (up 15s); 3 more processes killed"},
	{{.cause = KEEPER_CAUSE_TASKS_MAX, .wait_status = W_EXITCODE(11, 0), UP(1)},
	 "exit 11: its limit of processes was reached after 1s"},
	{{.cause = KEEPER_CAUSE_EXEC_FAILED,
	  .exec_step = KEEPER_EXEC_PROGRAM,
	  .exec_errno = ENOENT,
	  .path = "/srv/x"},
	 "could not start: no such file or directory: \"/srv/x\""},
	{{.cause = KEEPER_CAUSE_EXEC_FAILED,
	  .exec_step = KEEPER_EXEC_CWD,
	  .exec_errno = EACCES,
	  .path = "/root/a\033[31m"},
	 "could not start: cannot enter its folder: permission denied: \"/root/a\\x1b[31m\""},
	{{.cause = KEEPER_CAUSE_EXEC_FAILED, .exec_step = 999, .exec_errno = 99999},
	 "could not start: error 99999"},
	{{.cause = KEEPER_CAUSE_EXIT, .wait_status = -1, UP(7)},
	 "ended, its keeper could not see how after 7s"},
	{{.cause = KEEPER_CAUSE_EXIT, .wait_status = 0, UP(1), .n_killed = 1, .n_left = 2},
	 "exit 0 after 1s; 1 more process killed; 2 could not be killed"},
	{{.cause = KEEPER_CAUSE_COUNT, .wait_status = 0, UP(1)}, "exit 0 after 1s"},
};

static void exit_report_summary_says_what_happened(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		cleanup_json json_t *j = report("shop", 0, &table[i].report);
		cleanup_free char *summary = exit_report_summary(&table[i].report);

		assert_string_equal(summary, table[i].summary);
		assert_string_equal(json_get_string(j, "summary"), table[i].summary);
	}
}

static void exit_report_has_every_fact(void **state)
{
	struct keeper_exit e = {
		.cause = KEEPER_CAUSE_SIGNAL,
		.wait_status = SIGSEGV | CORE,
		.n_killed = 1,
		.n_left = 2,
		.n_failures = 3,
		.life = 4,
		.at_usec = clock_at_usec(),
		.uptime_usec = 6,
		.maxrss_kb = 7,
		.user_usec = 8,
		.system_usec = 9,
		.memory_peak_bytes = 10,
		.oom_kills = 11,
		.tasks_denied = 12,
		.throttled_usec = 13,
		.memory_max_bytes = 16,
		.oom_hits = 17,
		.high_hits = 18,
		.max_hits = 19,
		.n_throttled = 20,
		.left_bytes = 14,
		.spec_revision = 15,
		.asker = "cli root",
	};
	cleanup_json json_t *j = report("shop", 2, &e);

	assert_string_equal(json_get_string(j, "service"), "shop");
	assert_int_equal(json_get_uint(j, "instance", 0), 2);
	assert_string_equal(json_get_string(j, "cause"), "signal");
	assert_string_equal(json_get_string(j, "signal"), "SIGSEGV");
	assert_true(json_get_bool(j, "core_dumped", false));
	assert_null(json_object_get(j, "code"));
	assert_null(json_object_get(j, "step"));
	assert_string_equal(json_get_string(j, "asker"), "cli root");
	assert_int_equal(json_get_uint(j, "killed", 0), 1);
	assert_int_equal(json_get_uint(j, "left", 0), 2);
	assert_int_equal(json_get_uint(j, "failures", 0), 3);
	assert_int_equal(json_get_uint(j, "life", 0), 4);
	assert_int_equal(json_get_uint(j, "at_usec", 0), e.at_usec);
	assert_int_equal(json_get_uint(j, "uptime_usec", 0), 6);
	assert_int_equal(json_get_uint(j, "maxrss_bytes", 0), 7 * 1024);
	assert_int_equal(json_get_uint(j, "user_usec", 0), 8);
	assert_int_equal(json_get_uint(j, "system_usec", 0), 9);
	assert_int_equal(json_get_uint(j, "memory_peak_bytes", 0), 10);
	assert_int_equal(json_get_uint(j, "oom_kills", 0), 11);
	assert_int_equal(json_get_uint(j, "tasks_denied", 0), 12);
	assert_int_equal(json_get_uint(j, "throttled_usec", 0), 13);
	assert_int_equal(json_get_uint(j, "memory_max_bytes", 0), 16);
	assert_int_equal(json_get_uint(j, "oom_hits", 0), 17);
	assert_int_equal(json_get_uint(j, "memory_high_hits", 0), 18);
	assert_int_equal(json_get_uint(j, "memory_max_hits", 0), 19);
	assert_int_equal(json_get_uint(j, "throttled_periods", 0), 20);
	assert_int_equal(json_get_uint(j, "left_bytes", 0), 14);
	assert_int_equal(json_get_uint(j, "revision", 0), 15);
}

/* Now from the keeper, and later from the report that was kept: it must be the same. */
static void assert_ended(const struct keeper_exit *e, const char *expected)
{
	cleanup_json json_t *kept = report("shop", 0, e);
	cleanup_free char *now = exit_report_ended(e);
	cleanup_free char *later = exit_report_ended_as(kept);

	if (!expected) {
		assert_null(now);
		assert_null(later);
		return;
	}
	assert_string_equal(now, expected);
	assert_string_equal(later, expected);
}

static void exit_report_ended_says_how_unless_on_request(void **state)
{
	assert_ended(
		&(struct keeper_exit){.cause = KEEPER_CAUSE_EXIT, .wait_status = W_EXITCODE(3, 0)},
		"{\"cause\":\"exit\",\"code\":3}");
	assert_ended(&(struct keeper_exit){.cause = KEEPER_CAUSE_SIGNAL, .wait_status = SIGSEGV},
		     "{\"cause\":\"signal\",\"signal\":\"SIGSEGV\"}");
	assert_ended(&(struct keeper_exit){.cause = KEEPER_CAUSE_EXEC_FAILED, .wait_status = -1},
		     "{\"cause\":\"exec-failed\"}");
	assert_ended(&(struct keeper_exit){.cause = KEEPER_CAUSE_STOP, .wait_status = SIGTERM},
		     NULL);
	assert_ended(
		&(struct keeper_exit){.cause = KEEPER_CAUSE_STOP_TIMEOUT, .wait_status = SIGKILL},
		NULL);
	assert_null(exit_report_ended_as(NULL));
}

static void exit_report_unknown_facts_are_absent(void **state)
{
	static const char *const absent[] = {
		"code",
		"signal",
		"core_dumped",
		"step",
		"errno",
		"path",
		"asker",
		"oom_kills",
		"next_start_usec",
		"memory_peak_bytes",
		"left_bytes",
		"tasks_denied",
		"throttled_usec",
		"throttled_periods",
		"memory_max_bytes",
		"memory_max_hits",
		"memory_high_hits",
		"oom_hits",
	};
	struct keeper_exit e = {.cause = KEEPER_CAUSE_EXIT, .wait_status = -1};
	cleanup_json json_t *j = report("shop", 0, &e);

	for (size_t i = 0; i < ARRAY_LEN(absent); i++)
		assert_null(json_object_get(j, absent[i]));
}

static void exit_report_of_a_failed_start_names_step_and_path(void **state)
{
	struct keeper_exit e = {
		.cause = KEEPER_CAUSE_EXEC_FAILED,
		.wait_status = W_EXITCODE(127, 0),
		.exec_step = KEEPER_EXEC_USER,
		.exec_errno = EPERM,
		.path = "\377bytes",
	};
	cleanup_json json_t *j = report("shop", 0, &e);

	assert_string_equal(json_get_string(j, "step"), "user");
	assert_int_equal(json_get_uint(j, "errno", 0), EPERM);
	assert_string_equal(json_get_string(j, "path"), "\357\277\275bytes");
	assert_null(json_object_get(j, "code"));
}

static void exit_report_next_start_is_the_time_from_exit_to_restart(void **state)
{
	usec_t begun_usec = clock_now_usec();
	struct keeper_exit e = {
		.cause = KEEPER_CAUSE_EXIT,
		.at_usec = clock_at_usec(),
		.next_usec = begun_usec + 5 * USEC_PER_SEC,
	};
	cleanup_json json_t *j = report("shop", 0, &e);
	uint64_t delay_usec = json_get_uint(j, "next_start_usec", 0);
	/* Two clocks are read one after the other, by us and by what is tested. */
	usec_t slack_usec = 100 * USEC_PER_MSEC + clock_now_usec() - begun_usec;

	assert_in_range(delay_usec, 5 * USEC_PER_SEC - slack_usec, 5 * USEC_PER_SEC + slack_usec);
}

static void exit_cause_names_are_those_of_the_interface(void **state)
{
	assert_string_equal(exit_cause_name(KEEPER_CAUSE_NONE), "unknown");
	assert_string_equal(exit_cause_name(KEEPER_CAUSE_STOP_TIMEOUT), "stop-timeout");
	assert_string_equal(exit_cause_name((enum keeper_cause)4711), "unknown");
}

static void report_has_what_was_going_on_around_the_exit(void **state unused)
{
	struct keeper_exit e = {.cause = KEEPER_CAUSE_OOM, .wait_status = 9};
	struct exit_surroundings around = {
		.victim = "python3 (pid 140)",
		.cpu_percent = 0,
		.memory_percent = 12,
		.io_percent = EXIT_PRESSURE_UNKNOWN,
	};
	cleanup_free char *text = exit_report_json("shop", 0, &e, &around, "killed");
	cleanup_json json_t *exit = json_loads(text, 0, NULL);

	assert_string_equal(json_get_string(exit, "victim"), "python3 (pid 140)");
	assert_int_equal(json_get_uint(exit, "cpu_pressure_percent", 99), 0);
	assert_int_equal(json_get_uint(exit, "memory_pressure_percent", 99), 12);
	assert_null(json_object_get(exit, "io_pressure_percent"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(report_has_what_was_going_on_around_the_exit),
		cmocka_unit_test(exit_report_summary_says_what_happened),
		cmocka_unit_test(exit_report_has_every_fact),
		cmocka_unit_test(exit_report_ended_says_how_unless_on_request),
		cmocka_unit_test(exit_report_unknown_facts_are_absent),
		cmocka_unit_test(exit_report_of_a_failed_start_names_step_and_path),
		cmocka_unit_test(exit_report_next_start_is_the_time_from_exit_to_restart),
		cmocka_unit_test(exit_cause_names_are_those_of_the_interface),
	};

	return cmocka_run_group_tests_name("exit-report", tests, NULL, NULL);
}
