/* SPDX-License-Identifier: MIT */
#include "supervisor/keeper/spec.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#define MAGIC SPEC_MAGIC "\0"

/* A spec in memory of exactly the size that was asked for, so that sanitizers see every step
 * beyond. */
struct parsed {
	void *map;
	struct spec spec;
	struct spec_fault fault;
	int result;
};

static struct parsed parse_bytes(const char *text, size_t bytes)
{
	struct parsed p = {.map = malloc(spec_room(bytes))};

	assert_non_null(p.map);
	memset(p.map, 0xaa, spec_room(bytes));
	memcpy(p.map, text, bytes);
	p.result = spec_parse(p.map, bytes, &p.spec, &p.fault);
	return p;
}

#define parse(text) parse_bytes(MAGIC text, sizeof(MAGIC text) - 1)

static void refuse_bytes(const char *text, size_t bytes, int result, const char *fault)
{
	struct parsed p = parse_bytes(text, bytes);

	assert_int_equal(p.result, result);
	assert_string_equal(p.fault.text, fault);
	free(p.map);
}

#define refuse(text, result, fault) refuse_bytes(MAGIC text, sizeof(MAGIC text) - 1, result, fault)

static void each_key_is_read(void **state)
{
	struct parsed p =
		parse("name=shop\0instance=3\0revision=17\0last_life=5\0"
		      "argv=node\0argv=\0argv=x y\0env=A=1\0"
		      "env=B=\0env=C=a=b\0cwd=/srv\0uid=1000\0gid=1001\0group=27\0group=28\0"
		      "type=oneshot\0restart=on-failure\0delay_usec=5\0max_delay_usec=6\0"
		      "max_restarts=7\0immediate=8\0healthy_usec=9\0stop_signal=2\0stop_usec=10\0"
		      "ready=notify\0watchdog_usec=11\0open_files=12\0oom_score=-500\0"
		      "intake=/run/intake\0log_policy=drop\0merge_streams=1\0cgroup=/sys/x\0"
		      "confine=1\0sweep=main\0");
	const struct spec *s = &p.spec;

	assert_int_equal(p.result, 0);
	assert_string_equal(s->name, "shop");
	assert_int_equal(s->instance, 3);
	assert_int_equal(s->revision, 17);
	assert_int_equal(s->last_life, 5);
	assert_int_equal(s->n_argv, 3);
	assert_string_equal(s->argv[0], "node");
	assert_string_equal(s->argv[1], "");
	assert_string_equal(s->argv[2], "x y");
	assert_null(s->argv[3]);
	assert_int_equal(s->n_env, 3);
	assert_string_equal(s->env[2], "C=a=b");
	assert_null(s->env[3]);
	assert_string_equal(s->cwd, "/srv");
	assert_true(s->has_uid && s->has_gid);
	assert_int_equal(s->uid, 1000);
	assert_int_equal(s->gid, 1001);
	assert_int_equal(s->n_groups, 2);
	assert_int_equal(s->groups[1], 28);
	assert_true(s->rule.is_oneshot);
	assert_int_equal(s->rule.restart, MACHINE_RESTART_ON_FAILURE);
	assert_int_equal(s->rule.backoff.delay_usec, 5);
	assert_int_equal(s->rule.backoff.max_delay_usec, 6);
	assert_int_equal(s->rule.backoff.max_restarts, 7);
	assert_int_equal(s->rule.backoff.immediate, 8);
	assert_int_equal(s->rule.backoff.healthy_usec, 9);
	assert_int_equal(s->stop_signal, 2);
	assert_int_equal(s->rule.stop_usec, 10);
	assert_true(s->is_notify);
	assert_int_equal(s->watchdog_usec, 11);
	assert_int_equal(s->open_files, 12);
	assert_int_equal(s->oom_score, -500);
	assert_string_equal(s->intake, "/run/intake");
	assert_int_equal(s->log_policy, INTAKE_POLICY_DROP);
	assert_true(s->is_merged);
	assert_string_equal(s->cgroup, "/sys/x");
	assert_true(s->is_sweeping_main && s->is_confined);
	free(p.map);
}

static void absent_keys_have_the_documented_values(void **state)
{
	struct parsed p = parse("argv=true\0");
	const struct spec *s = &p.spec;

	assert_int_equal(p.result, 0);
	assert_false(s->has_uid || s->has_gid || s->is_notify || s->is_merged);
	assert_false(s->is_sweeping_main || s->is_confined || s->rule.is_oneshot);
	assert_null(s->cwd);
	assert_null(s->intake);
	assert_null(s->cgroup);
	assert_int_equal(s->rule.restart, MACHINE_RESTART_ALWAYS);
	assert_int_equal(s->rule.backoff.immediate, 2);
	assert_int_equal(s->rule.backoff.healthy_usec, 10000000);
	assert_int_equal(s->rule.backoff.max_restarts, 0);
	assert_int_equal(s->stop_signal, 15);
	assert_int_equal(s->open_files, 0);
	assert_int_equal(s->watchdog_usec, 0);
	free(p.map);
}

static void environment_has_room_for_the_keepers_own(void **state)
{
	struct parsed p = parse("argv=true\0env=A=1\0");

	for (size_t i = 0; i < SPEC_ENV_OWN; i++)
		p.spec.env[p.spec.n_env + i] = NULL;
	assert_int_equal(p.spec.n_groups, 0);
	free(p.map);
}

static void variables_that_only_the_keeper_sets_are_dropped(void **state)
{
	struct parsed p = parse("argv=true\0env=NOTIFY_SOCKET=/x\0env=LISTEN_FDS=1\0"
				"env=LISTEN_FDNAMES=a\0env=LISTEN_PID=2\0env=WATCHDOG_USEC=3\0"
				"env=WATCHDOG_PID=4\0env=LISTEN=mine\0");

	assert_int_equal(p.spec.n_env, 1);
	assert_string_equal(p.spec.env[0], "LISTEN=mine");
	free(p.map);
}

static void file_of_another_kind_is_refused(void **state)
{
	const char *fault = "not a spec: it must begin with 'slicekeep-spec 1' and end with a NUL";

	refuse_bytes("", 0, -EBADMSG, fault);
	refuse_bytes("slicekeep-spec 1", 16, -EBADMSG, fault);
	refuse_bytes("slicekeep-spec 2\0argv=x", 24, -EBADMSG, fault);
	refuse_bytes("slicekeep-spec 10\0argv=x", 25, -EBADMSG, fault);
	refuse_bytes(MAGIC "argv=x", 23, -EBADMSG, fault);
}

static void bad_record_is_named(void **state)
{
	refuse("argv=x\0colour=blue\0", -EINVAL, "record 3, 'colour=blue': unknown key");
	refuse("argv=x\0nonsense\0", -EINVAL,
	       "record 3, 'nonsense': not a value that this key takes");
	refuse("\0argv=x\0", -EINVAL, "record 2, '': not a value that this key takes");
	refuse("uid=-1\0", -EINVAL, "record 2, 'uid=-1': not a value that this key takes");
	refuse("uid=4294967295\0", -ERANGE, "record 2, 'uid=4294967295': out of range");
	refuse("stop_signal=65\0", -ERANGE, "record 2, 'stop_signal=65': out of range");
	refuse("oom_score=-1001\0", -ERANGE, "record 2, 'oom_score=-1001': out of range");
	refuse("oom_score=--1\0", -EINVAL,
	       "record 2, 'oom_score=--1': not a value that this key takes");
	refuse("merge_streams=yes\0", -EINVAL,
	       "record 2, 'merge_streams=yes': not a value that this key takes");
	refuse("restart=sometimes\0", -EINVAL,
	       "record 2, 'restart=sometimes': not a value that this key takes");
	refuse("cwd=relative\0", -EINVAL,
	       "record 2, 'cwd=relative': not a value that this key takes");
	refuse("env=NOVALUE\0", -EINVAL,
	       "record 2, 'env=NOVALUE': not a value that this key takes");
	refuse("env==x\0", -EINVAL, "record 2, 'env==x': not a value that this key takes");
	refuse("name=\0", -EINVAL, "record 2, 'name=': not a value that this key takes");
	refuse("name=\x1b[31m\xff\0colour=\x07\0", -EINVAL, "record 3, 'colour=?': unknown key");
}

static void whole_that_makes_no_sense_is_refused(void **state)
{
	refuse("name=x\0", -EINVAL, "no argv: what is to run?");
	refuse("argv=\0", -EINVAL, "no argv: what is to run?");
	refuse("argv=x\0uid=1\0", -EINVAL, "uid without gid");
	refuse("argv=x\0group=1\0", -EINVAL, "group without gid");
	refuse("argv=x\0stop_signal=0\0", -EINVAL, "stop_signal must be 1 to 64");
}

static void name_that_fits_no_frame_is_refused(void **state)
{
	char text[256] = MAGIC;
	size_t used = sizeof(MAGIC) - 1;
	struct parsed p;

	used += (size_t)snprintf(text + used, sizeof(text) - used, "name=%064d", 7) + 1;
	p = parse_bytes(text, used);
	assert_int_equal(p.result, -E2BIG);
	free(p.map);
}

static void bounds_are_kept(void **state)
{
	size_t bytes = sizeof(MAGIC) - 1 + (SPEC_ARGV_MAX + 1) * sizeof("argv=");
	char *text = calloc(1, bytes);
	struct parsed p;

	assert_non_null(text);
	memcpy(text, MAGIC, sizeof(MAGIC) - 1);
	for (size_t i = 0; i <= SPEC_ARGV_MAX; i++)
		memcpy(text + sizeof(MAGIC) - 1 + i * sizeof("argv="), "argv=", sizeof("argv="));
	p = parse_bytes(text, bytes);
	assert_int_equal(p.result, -E2BIG);
	assert_string_equal(p.fault.text, "too many arguments, variables or groups");
	free(p.map);
	text[sizeof(MAGIC) - 1 + 5] = 'x'; /* the first is "argv=xargv=" now: one less */
	p = parse_bytes(text, bytes);
	assert_int_equal(p.result, 0);
	assert_int_equal(p.spec.n_argv, SPEC_ARGV_MAX);
	free(p.map);
	free(text);
}

static int make_file(const char *bytes, size_t n)
{
	int fd = memfd_create("spec", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	return fd;
}

static void file_is_read_and_given_back(void **state)
{
	cleanup_close int fd = make_file(MAGIC "argv=true\0", sizeof(MAGIC "argv=true\0") - 1);
	struct spec_fault fault;
	struct spec s;

	assert_int_equal(spec_read_fd(fd, "file", &s, &fault), 0);
	assert_string_equal(s.argv[0], "true");
	assert_non_null(s.map);
	spec_done(&s);
	assert_null(s.map);
	spec_done(&s);
}

static void bad_file_is_named(void **state)
{
	cleanup_close int fd = make_file("x", 1), empty = make_file("", 0);
	struct spec_fault fault;
	struct spec s;

	assert_int_equal(spec_read_fd(fd, "the file", &s, &fault), -EBADMSG);
	assert_string_equal(fault.text, "'the file': not a spec: it must begin with "
					"'slicekeep-spec 1' and end with a NUL");
	assert_int_equal(spec_read_fd(empty, "e", &s, &fault), -EBADMSG);
	assert_int_equal(spec_read("/nowhere", &s, &fault), -ENOENT);
	assert_string_equal(fault.text, "cannot read '/nowhere': No such file or directory");
	assert_int_equal(ftruncate(fd, SPEC_BYTES_MAX + 1), 0);
	assert_int_equal(spec_read_fd(fd, "big", &s, &fault), -E2BIG);
	assert_string_equal(fault.text, "'big': Argument list too long");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_key_is_read),
		cmocka_unit_test(absent_keys_have_the_documented_values),
		cmocka_unit_test(environment_has_room_for_the_keepers_own),
		cmocka_unit_test(variables_that_only_the_keeper_sets_are_dropped),
		cmocka_unit_test(file_of_another_kind_is_refused),
		cmocka_unit_test(bad_record_is_named),
		cmocka_unit_test(whole_that_makes_no_sense_is_refused),
		cmocka_unit_test(name_that_fits_no_frame_is_refused),
		cmocka_unit_test(bounds_are_kept),
		cmocka_unit_test(file_is_read_and_given_back),
		cmocka_unit_test(bad_file_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
