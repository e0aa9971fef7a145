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
#include <sys/xattr.h>

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

static void clear(struct delegation *d)
{
	delegation_done(d);
}

static void assert_note(const struct temp *t, const char *expected)
{
	cleanup(clear) struct delegation d = {0};

	assert_int_equal(delegation_find(t->path, false, &d), 0);
	assert_non_null(d.note);
	assert_ptr_equal(strstr(d.note, "limits not enforced: "), d.note);
	if (!strstr(d.note, expected))
		fail_msg("'%s' is not in '%s'", expected, d.note);
}

static void assert_found(const struct temp *t, const char *folder, const char *name)
{
	cleanup(clear) struct delegation d = {0};

	assert_int_equal(delegation_find(t->path, false, &d), 0);
	assert_string_equal(d.folder, temp_path(t, folder));
	assert_string_equal(d.name, name);
	assert_null(d.note);
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

static void delegation_with_one_controller_is_used_for_that(void **state)
{
	struct temp *t = *state;
	cleanup(clear) struct delegation d = {0};

	put_machine(t, "rw", "", "/own");
	put_own(t, "io pids\n");
	assert_int_equal(delegation_find(t->path, false, &d), 0);
	assert_string_equal(d.controllers, "io pids");
	assert_non_null(d.note);
}

static void delegation_without_a_useful_controller_is_left_alone(void **state)
{
	struct temp *t = *state;
	cleanup(clear) struct delegation d = {0};

	put_machine(t, "rw", V1_LINE, "/own");
	put_own(t, "hugetlb\n");
	assert_int_equal(delegation_find(t->path, false, &d), 0);
	assert_null(d.folder);
	assert_null(d.name);
}

static void delegation_complete_is_found(void **state)
{
	struct temp *t = *state;

	put_machine(t, "rw", "", "/own");
	put_own(t, "cpuset cpu io memory pids\n");
	assert_found(t, "my root/own", "own");
}

static void delegation_of_the_whole_mount_has_no_name(void **state)
{
	struct temp *t = *state;

	put_machine(t, "rw", "", "/");
	put(t, "my root/cgroup.controllers", "cpu memory pids\n");
	put(t, "my root/cgroup.procs", "");
	put(t, "my root/cgroup.subtree_control", "");
	assert_found(t, "my root", "");
}

static void delegation_is_above_the_leaf_of_a_predecessor(void **state)
{
	struct temp *t = *state;

	put_machine(t, "rw", "", "/own/" DELEGATION_LEAF);
	put_own(t, "cpuset cpu io memory pids\n");
	assert_found(t, "my root/own", "own");
}

static void delegation_below_a_manager_needs_its_mark(void **state)
{
	struct temp *t = *state;
	cleanup(clear) struct delegation d = {0}, marked = {0};

	put_machine(t, "rw", "", "/own");
	put_own(t, "cpu memory pids\n");
	assert_int_equal(delegation_find(t->path, true, &d), 0);
	assert_null(d.folder);
	assert_non_null(strstr(d.note, "is not delegated to us"));
	/* An old tmpfs has only trusted.*, and only for root. */
	assert_true(setxattr(temp_path(t, "my root/own"), "user.delegate", "1", 1, 0) == 0 ||
		    setxattr(temp_path(t, "my root/own"), "trusted.delegate", "1", 1, 0) == 0);
	assert_int_equal(delegation_find(t->path, true, &marked), 0);
	assert_non_null(marked.folder);
	assert_null(marked.note);
}

static void delegation_of_a_cgroup_out_of_sight_says_so(void **state)
{
	struct temp *t = *state;

	put_machine(t, "rw", "", "/elsewhere");
	assert_note(t, "is not to be seen below");
	put(t, "cgroup", "4:memory:/x\n");
	assert_note(t, "is not to be seen below");
}

static void delegation_on_this_machine_is_told_in_one_line(void **state)
{
	cleanup(clear) struct delegation d = {0};

	assert_int_equal(delegation_find("/proc/self", false, &d), 0);
	assert_true(d.folder || d.note);
	assert_null(d.note ? strchr(d.note, '\n') : NULL);
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
		TEST(delegation_with_one_controller_is_used_for_that),
		TEST(delegation_without_a_useful_controller_is_left_alone),
		TEST(delegation_complete_is_found),
		TEST(delegation_of_the_whole_mount_has_no_name),
		TEST(delegation_is_above_the_leaf_of_a_predecessor),
		TEST(delegation_below_a_manager_needs_its_mark),
		TEST(delegation_of_a_cgroup_out_of_sight_says_so),
		TEST(delegation_on_this_machine_is_told_in_one_line),
	};

	return cmocka_run_group_tests_name("delegation", tests, NULL, NULL);
}
