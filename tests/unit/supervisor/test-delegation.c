/* SPDX-License-Identifier: MIT */

/*
 * Why limits are not enforced: each kind of machine, built of files in a temporary folder.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/file.h"
#include "supervisor/delegation.h"
#include "tests/unit/lib/temp.h"

#define V1_LINE "36 31 0:33 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
#define V1_NAMED "41 31 0:38 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"

static void put(const struct temp *t, const char *name, const char *text)
{
	assert_int_equal(file_write_quick(temp_path(t, name), text, strlen(text), 0600), 0);
}

/* A cgroup2 mount at FOLDER/ROOT, and our own cgroup in it. */
static void put_machine(const struct temp *t, const char *options, const char *others,
			const char *own)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "22 1 8:1 / / rw - ext4 /dev/sda1 rw\nnonsense\n%s"
		 "41 31 0:38 / %s %s shared:5 - cgroup2 cgroup2 rw,nsdelegate\n",
		 others, temp_path(t, "my\\040root"), options);
	put(t, "mountinfo", text);
	snprintf(text, sizeof(text), "4:memory:/x\n0::%s\n", own);
	put(t, "cgroup", text);
	assert_int_equal(mkdir(temp_path(t, "my root"), 0700), 0);
	assert_int_equal(mkdir(temp_path(t, "my root/own"), 0700), 0);
}

static void put_own(const struct temp *t, const char *controllers)
{
	put(t, "my root/own/cgroup.controllers", controllers);
	put(t, "my root/own/cgroup.procs", "");
	put(t, "my root/own/cgroup.subtree_control", "");
}

static void assert_note(const struct temp *t, const char *expected)
{
	cleanup_free char *note = delegation_note(t->path);

	assert_non_null(note);
	assert_ptr_equal(strstr(note, "limits not enforced: "), note);
	if (!strstr(note, expected))
		fail_msg("'%s' is not in '%s'", expected, note);
}

static void delegation_without_cgroup2_says_so(void **state)
{
	struct temp *t = *state;

	assert_note(t, "cgroup v2 is not mounted here");
	put(t, "mountinfo", V1_LINE V1_NAMED);
	put(t, "cgroup", "4:memory:/\n");
	assert_note(t, "cgroup v2 is not mounted here");
}

static void delegation_with_controllers_in_v1_names_the_kernel_parameter(void **state)
{
	struct temp *t = *state;

	put_machine(t, "rw,relatime", V1_LINE, "/own");
	put_own(t, "");
	assert_note(t, "systemd.unified_cgroup_hierarchy=1");
}

static void delegation_read_only_names_the_mount(void **state)
{
	struct temp *t = *state;

	put_machine(t, "ro,nosuid", V1_NAMED, "/own");
	put_own(t, "cpu memory pids\n");
	assert_note(t, "my root\" is mounted read-only");
}

static void delegation_of_a_subtree_that_is_not_ours_names_it(void **state)
{
	struct temp *t = *state;

	put_machine(t, "rw", "", "/own");
	put_own(t, "cpu memory pids\n");
	assert_int_equal(unlink(temp_path(t, "my root/own/cgroup.procs")), 0);
	assert_note(t, "my root/own\" is not delegated to us");
}

static void delegation_with_missing_controllers_names_them(void **state)
{
	struct temp *t = *state;

	put_machine(t, "rw", "", "/own");
	put_own(t, "cpuset io pids\n");
	assert_note(t, "lacks the controllers memory, cpu");
}

static void delegation_complete_names_this_version(void **state)
{
	struct temp *t = *state;

	put_machine(t, "rw", "", "/own");
	put_own(t, "cpuset cpu io memory pids\n");
	assert_note(t, "this version's direct launcher does not use cgroups yet");
}

static void delegation_of_a_cgroup_out_of_sight_says_so(void **state)
{
	struct temp *t = *state;

	put_machine(t, "rw", "", "/elsewhere");
	assert_note(t, "is not to be seen below");
	put(t, "cgroup", "4:memory:/x\n");
	assert_note(t, "is not to be seen below");
}

static void delegation_on_this_machine_is_one_line(void **state)
{
	cleanup_free char *note = delegation_note("/proc/self");

	assert_non_null(note);
	assert_null(strchr(note, '\n'));
}

static int setup(void **state)
{
	static struct temp t;

	temp_init(&t);
	*state = &t;
	return 0;
}

static int teardown(void **state)
{
	temp_done(*state);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(delegation_without_cgroup2_says_so),
		TEST(delegation_with_controllers_in_v1_names_the_kernel_parameter),
		TEST(delegation_read_only_names_the_mount),
		TEST(delegation_of_a_subtree_that_is_not_ours_names_it),
		TEST(delegation_with_missing_controllers_names_them),
		TEST(delegation_complete_names_this_version),
		TEST(delegation_of_a_cgroup_out_of_sight_says_so),
		TEST(delegation_on_this_machine_is_one_line),
	};

	return cmocka_run_group_tests_name("delegation", tests, NULL, NULL);
}
