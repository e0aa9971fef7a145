/* SPDX-License-Identifier: MIT */

/*
 * From a path to its disk, in a sysfs of our own: that of the folder that we are in.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "lib/file.h"
#include "supervisor/disk.h"
#include "tests/unit/lib/temp.h"

static void put(const struct temp *t, const char *name, const char *text)
{
	cleanup_free char *folder = file_folder_of(temp_path(t, name));

	assert_int_equal(file_make_folders(folder, 0700), 0);
	assert_int_equal(file_write_quick(temp_path(t, name), text, strlen(text), 0600), 0);
}

static void disk_of_memory_and_of_nothing_is_unknown(void **state)
{
	const struct temp *t = *state;
	char disk[DISK_MAX] = "x";

	disk_of(t->path, "/proc/self/status", disk);
	assert_string_equal(disk, "");
	disk_of(t->path, "/nowhere", disk);
	assert_string_equal(disk, "");
}

static void disk_of_a_partition_is_the_whole_one(void **state)
{
	const struct temp *t = *state;
	char disk[DISK_MAX], number[32], name[96];
	struct stat st;

	assert_int_equal(stat("/", &st), 0);
	if (major(st.st_dev) == 0)
		return; /* nothing here lies on a disk: then there is none to be found */
	snprintf(number, sizeof(number), "%u:%u", major(st.st_dev), minor(st.st_dev));
	disk_of(t->path, "/", disk);
	assert_string_equal(disk, number);
	snprintf(name, sizeof(name), "dev/block/%s/partition", number);
	put(t, name, "1\n");
	put(t, "dev/block/dev", "254:0\n");
	disk_of(t->path, "/", disk);
	assert_string_equal(disk, "254:0");
}

static void disk_has_weights_with_bfq_or_the_cost_model(void **state)
{
	const struct temp *t = *state;

	assert_false(disk_has_weights(t->path, "254:0"));
	put(t, "dev/block/254:0/queue/scheduler", "[none] mq-deadline bfq\n");
	assert_false(disk_has_weights(t->path, "254:0"));
	put(t, "fs/cgroup/io.cost.qos", "254:16 enable=1 ctrl=auto\n254:0 enable=0 ctrl=auto\n");
	assert_false(disk_has_weights(t->path, "254:0"));
	assert_true(disk_has_weights(t->path, "254:16"));
	put(t, "dev/block/254:0/queue/scheduler", "none mq-deadline [bfq]\n");
	assert_true(disk_has_weights(t->path, "254:0"));
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
		TEST(disk_of_memory_and_of_nothing_is_unknown),
		TEST(disk_of_a_partition_is_the_whole_one),
		TEST(disk_has_weights_with_bfq_or_the_cost_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
