/* SPDX-License-Identifier: MIT */
#include "cli/cgroup-facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MOUNT(root, options)                          \
	"22 1 0:21 / /proc rw - proc proc rw\n"       \
	"30 22 0:26 " root " /sys/fs/cgroup " options \
	" shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"

struct situation {
	const char *cgroup;
	const char *mountinfo;
	const char *controllers;
	bool writable;
	const char *folder;
	const char *obstacle; /* a part of the sentence; NULL: there is none */
};

static void check(const struct situation *s)
{
	cleanup(cgroup_facts_done) struct cgroup_facts facts = {0};
	const char *obstacle;

	assert_int_equal(cgroup_facts_read(s->cgroup, s->mountinfo, &facts), 0);
	if (s->folder)
		assert_string_equal(facts.folder, s->folder);
	else
		assert_null(facts.folder);
	obstacle = cgroup_facts_obstacle(&facts, s->controllers, s->writable, true);
	if (s->obstacle) {
		assert_non_null(obstacle);
		assert_non_null(strstr(obstacle, s->obstacle));
	} else {
		assert_null(obstacle);
	}
}

static void delegated_cgroup_has_no_obstacle(void **state)
{
	check(&(struct situation){"0::/system.slice/x.service\n", MOUNT("/", "rw,nosuid"),
				  "cpu memory pids\n", true,
				  "/sys/fs/cgroup/system.slice/x.service", NULL});
	check(&(struct situation){"0::/\n", MOUNT("/", "rw"), "memory\n", true, "/sys/fs/cgroup",
				  NULL});
}

static void part_of_the_tree_is_taken_off_the_path(void **state)
{
	check(&(struct situation){"0::/a/b\n", MOUNT("/a", "rw"), "memory", true,
				  "/sys/fs/cgroup/b", NULL});
	check(&(struct situation){"0::/a\n", MOUNT("/a", "rw"), "memory", true, "/sys/fs/cgroup",
				  NULL});
}

static void each_obstacle_has_its_own_words(void **state)
{
	check(&(struct situation){"0::/x\n", "22 1 0:21 / /proc rw - proc proc rw\n", "", false,
				  NULL, "not mounted"});
	check(&(struct situation){"9:memory:/x\n1:name=systemd:/x\n0::/x\n", MOUNT("/", "rw"),
				  "hugetlb\n", true, "/sys/fs/cgroup/x", "cgroup v1"});
	check(&(struct situation){"0::/\n", MOUNT("/", "ro,nosuid"), "memory", false,
				  "/sys/fs/cgroup", "read-only"});
	check(&(struct situation){"0::/../other\n", MOUNT("/", "rw"), "memory", true,
				  "/sys/fs/cgroup", "outside"});
	check(&(struct situation){"0::/ab\n", MOUNT("/a", "rw"), "memory", true, "/sys/fs/cgroup",
				  "outside"});
	check(&(struct situation){"0::/x\n", MOUNT("/", "rw"), "memory", false, "/sys/fs/cgroup/x",
				  "delegated"});
	check(&(struct situation){"0::/x\n", MOUNT("/", "rw"), "cpu pids", true, "/sys/fs/cgroup/x",
				  "memory controller"});
}

static void v1_alone_has_no_folder(void **state)
{
	check(&(struct situation){"9:memory:/x\n", MOUNT("/", "rw"), "", true, NULL,
				  "not mounted"});
}

static void damaged_lines_are_passed_over(void **state)
{
	check(&(struct situation){"0::/x\n", "\n30 22\n30 22 0:26 / /m rw -\n", "", true, NULL,
				  "not mounted"});
	check(&(struct situation){"", "", "", true, NULL, "not mounted"});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delegated_cgroup_has_no_obstacle),
		cmocka_unit_test(part_of_the_tree_is_taken_off_the_path),
		cmocka_unit_test(each_obstacle_has_its_own_words),
		cmocka_unit_test(v1_alone_has_no_folder),
		cmocka_unit_test(damaged_lines_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
