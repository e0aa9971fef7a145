/* SPDX-License-Identifier: MIT */

/*
 * Whom the kernel has killed, as its log tells.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "supervisor/oom-victim.h"

#define CGROUP "slicekeep.slice/slicekeep-web.slice/slicekeep-hog-0.service"
#define RECORD_IN(cgroup, task)                                                                    \
	"6,812,20412345,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),"                   \
	"cpuset=" CGROUP ",mems_allowed=0,oom_memcg=/" CGROUP ",task_memcg=/" cgroup ",task=" task \
	",pid=140,uid=0\n"

static void victim_in_the_cgroup_is_named(void **state unused)
{
	char victim[OOM_VICTIM_MAX] = "";

	assert_true(oom_victim_parse(RECORD_IN(CGROUP, "python3"), CGROUP, 20000000, victim));
	assert_string_equal(victim, "python3 (pid 140)");
	assert_true(oom_victim_parse(RECORD_IN(CGROUP "/payload", "a b"), CGROUP, 0, victim));
	assert_string_equal(victim, "a b (pid 140)");
}

/* Who was away, or on a busy machine, hears of a death late. */
static void victim_of_a_life_is_looked_for_from_its_beginning(void **state unused)
{
	usec_t s = USEC_PER_SEC, at = 1000000 * s;

	assert_int_equal(oom_victim_since(50 * s, at, at, 2 * s), 47 * s);
	assert_int_equal(oom_victim_since(90 * s, at + 40 * s, at, 2 * s), 47 * s);
	/* A clock that was set back says nothing, one that was set forward too much. */
	assert_int_equal(oom_victim_since(50 * s, at - 10 * s, at, 2 * s), 47 * s);
	assert_int_equal(oom_victim_since(50 * s, 2 * at, at, 2 * s), 0);
	assert_int_equal(oom_victim_since(50 * s, at, at, 60 * s), 0);
}

static void victim_elsewhere_or_earlier_is_not_ours(void **state unused)
{
	char victim[OOM_VICTIM_MAX] = "";

	assert_false(oom_victim_parse(RECORD_IN(CGROUP, "x"), CGROUP, 20412346, victim));
	assert_false(oom_victim_parse(RECORD_IN(CGROUP "2", "x"), CGROUP, 0, victim));
	assert_false(oom_victim_parse(RECORD_IN("other", "x"), CGROUP, 0, victim));
	assert_string_equal(victim, "");
}

static void victim_in_a_record_that_is_none_or_is_cut_is_not_found(void **state unused)
{
	static const char whole[] = RECORD_IN(CGROUP, "python3");
	char victim[OOM_VICTIM_MAX], cut[sizeof(whole)];

	assert_false(oom_victim_parse("6,1,2,-;usb 1-1: new device\n", CGROUP, 0, victim));
	assert_false(oom_victim_parse("", CGROUP, 0, victim));
	for (size_t n = 0; n < (size_t)(strstr(whole, "pid=") - whole); n++) {
		memcpy(cut, whole, n);
		cut[n] = '\0';
		assert_false(oom_victim_parse(cut, CGROUP, 0, victim));
	}
}

static void victim_with_a_name_like_a_field_has_the_kernels_pid(void **state unused)
{
	char victim[OOM_VICTIM_MAX] = "";

	assert_true(oom_victim_parse(RECORD_IN(CGROUP, "x,pid=1,uid=0"), CGROUP, 0, victim));
	assert_string_equal(victim, "x,pid=1,uid=0 (pid 140)");
}

/* Whoever is root may write to the log, and the kernel itself quotes names of files. */
static void victim_in_a_record_that_quotes_one_is_not_believed(void **state unused)
{
	static const char record[] = RECORD_IN(CGROUP, "python3");
	char victim[OOM_VICTIM_MAX] = "", quoted[sizeof(record) + 64];

	snprintf(quoted, sizeof(quoted), "6,1,20412345,-;process 'x%s", strchr(record, ';'));
	assert_false(oom_victim_parse(quoted, CGROUP, 0, victim));
	snprintf(quoted, sizeof(quoted), "14%s", record + 1);
	assert_false(oom_victim_parse(quoted, CGROUP, 0, victim));
}

/* In some containers the log is a pipe that nobody writes into, or /dev/null. */
static void victim_in_a_log_that_ends_is_looked_for_once(void **state unused)
{
	char victim[OOM_VICTIM_MAX];

	(void)alarm(10);
	errno = EPIPE;
	assert_false(oom_victim_find("/dev/null", CGROUP, 0, victim));
	(void)alarm(0);
}

static void victim_where_the_log_cannot_be_read_is_unknown(void **state unused)
{
	char victim[OOM_VICTIM_MAX];

	assert_false(oom_victim_find("/nowhere", CGROUP, 0, victim));
	assert_false(oom_victim_find("/dev/null", CGROUP, 0, victim));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(victim_in_the_cgroup_is_named),
		cmocka_unit_test(victim_of_a_life_is_looked_for_from_its_beginning),
		cmocka_unit_test(victim_elsewhere_or_earlier_is_not_ours),
		cmocka_unit_test(victim_in_a_record_that_is_none_or_is_cut_is_not_found),
		cmocka_unit_test(victim_with_a_name_like_a_field_has_the_kernels_pid),
		cmocka_unit_test(victim_in_a_record_that_quotes_one_is_not_believed),
		cmocka_unit_test(victim_in_a_log_that_ends_is_looked_for_once),
		cmocka_unit_test(victim_where_the_log_cannot_be_read_is_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
