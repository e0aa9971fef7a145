/* SPDX-License-Identifier: MIT */
#include "cli/why-words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/json.h"
#include "lib/text.h"

static const struct style plain;

#define NOON (20000 * USEC_PER_DAY + 12 * USEC_PER_HOUR)

/* @exits: objects, divided by commas, or NULL */
static void check_head(const char *service, const char *exits, const char *expected)
{
	cleanup_text struct text array = {0};
	cleanup_json json_t *service_object = service ? json_loads(service, 0, NULL) : NULL;
	cleanup_json json_t *exit_objects = NULL;
	cleanup_text struct text out = {0};

	text_addf(&array, "[%s]", exits ? exits : "");
	exit_objects = json_loads(array.data, 0, NULL);
	assert_non_null(exit_objects);
	why_head(&out, "moody", service_object, exit_objects, NOON, &plain);
	assert_string_equal(out.data, expected);
}

#define CRASH "{\"summary\": \"exit 1 after 2.1s\", \"failures\": 3}"

static void head_of_a_crash_loop_says_when_it_goes_on(void **state)
{
	check_head("{\"state\": \"backoff\", \"desired\": \"run\","
		   " \"slots\": [{\"next_start_usec\": 1600000}]}",
		   CRASH,
		   "moody backoff: exit 1 after 2.1s, third failure in a row; next try in 1.6s\n");
}

static void head_of_a_failure_says_that_it_is_final(void **state)
{
	check_head("{\"state\": \"failed\", \"desired\": \"run\"}",
		   "{\"summary\": \"could not start: no such file or directory: \\\"/x\\\"\","
		   " \"failures\": 1}",
		   "moody failed: could not start: no such file or directory: \"/x\"; it is not "
		   "tried again by itself\n");
}

static void head_of_a_running_service_puts_the_exit_behind(void **state)
{
	check_head("{\"state\": \"running\", \"desired\": \"run\", \"uptime_usec\": 12000000}",
		   CRASH,
		   "moody running for 12s: before that exit 1 after 2.1s, third failure in a "
		   "row\n");
	check_head("{\"state\": \"running\", \"desired\": \"run\", \"uptime_usec\": 12000000}",
		   NULL, "moody running for 12s: it has not exited yet\n");
}

static void head_of_a_waiting_service_says_for_whom(void **state)
{
	check_head("{\"state\": \"starting\", \"desired\": \"run\", \"waits_for\": [\"db\"],"
		   " \"note\": \"waits for db\"}",
		   NULL, "moody starting: waits for db; it has not exited yet\n");
}

static void head_of_a_stopped_service_says_who_decides(void **state)
{
	check_head("{\"state\": \"stopped\", \"desired\": \"stop\"}",
		   "{\"summary\": \"stopped by root after 3s\"}",
		   "moody stopped: stopped by root after 3s; it stays stopped until it is "
		   "started\n");
}

static void head_of_a_removed_service_needs_only_its_exit(void **state)
{
	check_head(NULL, CRASH, "moody removed: exit 1 after 2.1s, third failure in a row\n");
}

static void head_with_a_note_shows_it(void **state)
{
	check_head("{\"state\": \"backoff\", \"desired\": \"run\","
		   " \"note\": \"not ready in time: no answer\"}",
		   CRASH,
		   "moody backoff: not ready in time: no answer; exit 1 after 2.1s, third failure "
		   "in a row\n");
}

static void head_of_an_out_of_memory_says_when_and_how_often(void **state)
{
#define OOM(at) \
	"{\"cause\": \"oom\", \"summary\": \"killed\", \"failures\": 9, \"at_usec\": " at "}"
	/* Of the same day: noon, eleven o'clock, midnight; and one microsecond before. */
	check_head("{\"state\": \"backoff\"}",
		   OOM("1728043200000000") "," OOM("1728039600000000") "," CRASH "," OOM(
			   "1728000000000000") "," OOM("1727999999999999"),
		   "moody backoff: killed at 12:00:00, third time today\n");
	check_head("{\"state\": \"backoff\"}", OOM("1727999999999999") "," OOM("1727999999999998"),
		   "moody backoff: killed at 23:59:59, second time that day\n");
	check_head("{\"state\": \"backoff\"}", OOM("1728043200000000"),
		   "moody backoff: killed at 12:00:00\n");
}

static void check_many_out_of_memory(size_t n, const char *expected)
{
	cleanup_text struct text exits = {0};

	for (size_t i = 0; i < n; i++)
		text_addf(&exits, "%s%s", i > 0 ? "," : "", OOM("1728043200000000"));
	check_head("{\"state\": \"backoff\"}", exits.data, expected);
}

static void head_of_more_than_is_kept_says_at_least(void **state)
{
	check_many_out_of_memory(WHY_EXITS_MAX - 1,
				 "moody backoff: killed at 12:00:00, 199th time today\n");
	check_many_out_of_memory(WHY_EXITS_MAX, "moody backoff: killed at 12:00:00, at least the "
						"200th time today\n");
}

static void head_says_how_long_the_last_life_was_throttled(void **state)
{
	check_head("{\"state\": \"backoff\"}",
		   "{\"summary\": \"exit 1\", \"throttled_usec\": 12000000}",
		   "moody backoff: exit 1; 12s throttled\n");
	check_head("{\"state\": \"backoff\"}",
		   "{\"summary\": \"exit 1\", \"throttled_usec\": 999999}",
		   "moody backoff: exit 1\n");
}

static void evidence_lists_only_what_is_known(void **state)
{
	cleanup_json json_t *exit = json_loads(
		"{\"at_usec\": 1000000, \"revision\": 4, \"maxrss_bytes\": 12582912,"
		" \"user_usec\": 1100000, \"system_usec\": 300000, \"killed\": 3, \"left\": 0,"
		" \"oom_kills\": 2, \"victim\": \"python3 (pid 140)\","
		" \"cpu_pressure_percent\": 0, \"memory_pressure_percent\": 12,"
		" \"io_pressure_percent\": 3}",
		0, NULL);
	cleanup_json json_t *poor = json_loads("{\"at_usec\": 1000000, \"revision\": 1}", 0, NULL);
	cleanup_text struct text out = {0};

	why_evidence(&out, exit, 3500000);
	assert_string_equal(out.data,
			    "  when      2.5s ago, config revision 4\n"
			    "  used      12M of memory at most, 1.4s of CPU (0.3s in the kernel)\n"
			    "  memory    2 processes killed by the kernel\n"
			    "  victim    python3 (pid 140), as the kernel's log says\n"
			    "  waited    12% for memory, 3% for the disk in the minute before\n"
			    "  left      3 processes that it had left behind were killed\n");
	text_done(&out);
	why_evidence(&out, poor, 3500000);
	assert_string_equal(out.data, "  when      2.5s ago, config revision 1\n");
}

static void earlier_exits_follow_the_first(void **state)
{
	cleanup_json json_t *exits = json_loads("[{\"at_usec\": 9, \"summary\": \"newest\"},"
						" {\"at_usec\": 2000000, \"summary\": \"before\"},"
						" {\"at_usec\": 1000000, \"summary\": \"first\"}]",
						0, NULL);
	cleanup_text struct text out = {0};

	why_earlier(&out, exits, 3000000);
	assert_string_equal(out.data, "  earlier   1.0s ago: before\n"
				      "            2.0s ago: first\n");
}

static int use_utc(void **state)
{
	return setenv("TZ", "UTC", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(head_of_a_crash_loop_says_when_it_goes_on),
		cmocka_unit_test(head_of_a_failure_says_that_it_is_final),
		cmocka_unit_test(head_of_a_running_service_puts_the_exit_behind),
		cmocka_unit_test(head_of_a_waiting_service_says_for_whom),
		cmocka_unit_test(head_of_a_stopped_service_says_who_decides),
		cmocka_unit_test(head_of_a_removed_service_needs_only_its_exit),
		cmocka_unit_test(head_with_a_note_shows_it),
		cmocka_unit_test(head_of_an_out_of_memory_says_when_and_how_often),
		cmocka_unit_test(head_of_more_than_is_kept_says_at_least),
		cmocka_unit_test(head_says_how_long_the_last_life_was_throttled),
		cmocka_unit_test(evidence_lists_only_what_is_known),
		cmocka_unit_test(earlier_exits_follow_the_first),
	};

	return cmocka_run_group_tests(tests, use_utc, NULL);
}
