/* SPDX-License-Identifier: MIT */

/*
 * The files of a cgroup, in a folder of ours: what is in them is read as the kernel writes it.
 */

#include "supervisor/keeper/cgroup.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

struct place {
	char unit[64];
	char payload[80];
};

static void write_to(const char *folder, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	if (!p)
		return -1;
	strcpy(p->unit, "/tmp/slicekeep-test-cgroup-XXXXXX");
	if (!mkdtemp(p->unit))
		return -1;
	(void)snprintf(p->payload, sizeof(p->payload), "%s/payload", p->unit);
	*state = p;
	return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at)
{
	return remove(path);
}

static int remove_place(void **state)
{
	struct place *p = *state;

	assert_int_equal(nftw(p->unit, remove_one, 4, FTW_DEPTH | FTW_PHYS), 0);
	free(p);
	return 0;
}

static struct cgroup open_payload(const struct place *p)
{
	struct cgroup c;

	cgroup_init(&c);
	assert_int_equal(cgroup_open(&c, p->payload), 0);
	return c;
}

static void without_a_cgroup_everything_is_empty_and_fine(void **state)
{
	struct cgroup c;
	struct cgroup_counters n;

	cgroup_init(&c);
	assert_int_equal(cgroup_open(&c, NULL), 0);
	assert_true(cgroup_is_empty(&c));
	assert_int_equal(cgroup_kill(&c), 0);
	assert_int_equal(cgroup_enter(&c), 0);
	cgroup_begin_life(&c);
	cgroup_end_life(&c, &n);
	assert_int_equal(n.oom_kills, 0);
}

static void folder_that_was_made_is_removed(void **state)
{
	const struct place *p = *state;
	struct cgroup c = open_payload(p);

	assert_true(c.is_made);
	cgroup_remove(&c, p->payload);
	assert_int_equal(access(p->payload, F_OK), -1);
	cgroup_close(&c);
}

static void folder_that_was_there_stays(void **state)
{
	const struct place *p = *state;
	struct cgroup c;

	assert_int_equal(mkdir(p->payload, 0755), 0);
	c = open_payload(p);
	assert_false(c.is_made);
	cgroup_remove(&c, p->payload);
	assert_int_equal(access(p->payload, F_OK), 0);
	cgroup_close(&c);
}

static void folder_that_cannot_be_made_is_an_error(void **state)
{
	struct cgroup c;

	cgroup_init(&c);
	assert_int_equal(cgroup_open(&c, "/nowhere/payload"), -ENOENT);
	assert_int_equal(c.dir, -1);
}

static void populated_is_read(void **state)
{
	const struct place *p = *state;
	struct cgroup c = open_payload(p);

	write_to(p->payload, "cgroup.events", "populated 1\nfrozen 0\n");
	assert_false(cgroup_is_empty(&c));
	assert_true(c.events >= 0);
	write_to(p->payload, "cgroup.events", "populated 0\nfrozen 0\n");
	assert_true(cgroup_is_empty(&c));
	assert_int_equal(c.events, -1);
	cgroup_close(&c);
}

static char first_byte(const char *folder, const char *name)
{
	char path[128], byte = 0;
	cleanup_close int fd = -1;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, &byte, 1), 1);
	return byte;
}

static void path_starts_from_the_folder_of_the_unit(void **state)
{
	const struct place *p = *state;
	cleanup_close int base = open(p->unit, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct cgroup c;

	cgroup_init(&c);
	c.base = base;
	assert_int_equal(cgroup_open(&c, "payload"), 0);
	assert_int_equal(access(p->payload, F_OK), 0);
	cgroup_remove(&c, "payload");
	assert_int_equal(access(p->payload, F_OK), -1);
	cgroup_close(&c);
}

static void what_was_found_frozen_is_thawed_once(void **state)
{
	const struct place *p = *state;
	struct cgroup c = open_payload(p);

	write_to(p->payload, "cgroup.events", "populated 0\nfrozen 0\n");
	assert_true(cgroup_is_empty(&c));
	assert_int_equal(cgroup_thaw(&c), 0);
	write_to(p->payload, "cgroup.events", "populated 0\nfrozen 1\n");
	assert_true(cgroup_is_empty(&c));
	assert_int_equal(cgroup_thaw(&c), -ENOENT);
	write_to(p->payload, "cgroup.freeze", "1");
	assert_int_equal(cgroup_thaw(&c), 0);
	assert_int_equal(first_byte(p->payload, "cgroup.freeze"), '0');
	assert_false(c.is_frozen);
	cgroup_close(&c);
}

static void kill_writes_1(void **state)
{
	const struct place *p = *state;
	struct cgroup c = open_payload(p);

	assert_int_equal(cgroup_kill(&c), -ENOENT);
	write_to(p->payload, "cgroup.kill", "");
	assert_int_equal(cgroup_kill(&c), 0);
	assert_int_equal(first_byte(p->payload, "cgroup.kill"), '1');
	cgroup_close(&c);
}

static void counters_are_those_of_this_life(void **state)
{
	const struct place *p = *state;
	struct cgroup c = open_payload(p);
	struct cgroup_counters n;

	write_to(p->payload, "memory.events", "low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\n");
	write_to(p->payload, "pids.events", "max 6\n");
	write_to(p->payload, "cpu.stat", "usage_usec 1\nnr_throttled 2\nthrottled_usec 700\n");
	write_to(p->payload, "cpu.max", "max 100000\n");
	write_to(p->payload, "memory.peak", "1\n");
	write_to(p->payload, "memory.max", "2097152\n");
	cgroup_begin_life(&c);
	write_to(p->payload, "memory.events",
		 "low 1\nhigh 4\nmax 6\noom 8\noom_kill 7\noom_group_kill 99\n");
	write_to(p->payload, "pids.events", "max 16\n");
	write_to(p->payload, "memory.peak", "1048576\n");
	write_to(p->payload, "cpu.stat", "usage_usec 1\nnr_throttled 7\nthrottled_usec 1000\n");
	cgroup_end_life(&c, &n);
	assert_int_equal(n.oom_kills, 2);
	assert_int_equal(n.oom_hits, 4);
	assert_int_equal(n.high_hits, 2);
	assert_int_equal(n.max_hits, 3);
	assert_int_equal(n.tasks_denied, 10);
	assert_int_equal(n.n_throttled, 5);
	assert_int_equal(n.throttled_usec, 300);
	assert_int_equal(n.memory_peak_bytes, 1048576);
	assert_int_equal(n.memory_max_bytes, 2097152);
	cgroup_close(&c);
}

static void counters_of_the_unit_are_read_where_the_payload_has_none(void **state)
{
	const struct place *p = *state;
	struct cgroup c = open_payload(p);
	struct cgroup_counters n;

	/* The kernel has this one in each folder, with what was used and nothing else. */
	write_to(p->payload, "cpu.stat", "usage_usec 1\n");
	cgroup_begin_life(&c);
	write_to(p->unit, "memory.events", "oom_kill 1\n");
	write_to(p->unit, "memory.max", "max\n");
	write_to(p->unit, "cpu.stat", "usage_usec 1\nnr_throttled 1\nthrottled_usec 9\n");
	cgroup_end_life(&c, &n);
	assert_int_equal(n.oom_kills, 1);
	assert_int_equal(n.memory_max_bytes, 0);
	assert_int_equal(n.tasks_denied, 0);
	assert_int_equal(n.throttled_usec, 9);
	cgroup_close(&c);
}

static void peak_is_that_of_the_life_that_raised_it_or_met_the_cap(void **state)
{
	const struct place *p = *state;
	struct cgroup c = open_payload(p);
	struct cgroup_counters n;

	write_to(p->payload, "memory.events", "oom 1\n");
	write_to(p->payload, "memory.peak", "1000\n");
	write_to(p->payload, "memory.max", "4000\n");
	cgroup_begin_life(&c);
	cgroup_end_life(&c, &n);
	assert_int_equal(n.memory_peak_bytes, 0);
	write_to(p->payload, "memory.peak", "2000\n");
	cgroup_end_life(&c, &n);
	assert_int_equal(n.memory_peak_bytes, 2000);
	write_to(p->payload, "memory.peak", "4000\n");
	cgroup_begin_life(&c);
	write_to(p->payload, "memory.events", "oom 2\n");
	cgroup_end_life(&c, &n);
	assert_int_equal(n.memory_peak_bytes, 4000);
	cgroup_close(&c);
}

static void counters_that_went_back_are_nothing(void **state)
{
	const struct place *p = *state;
	struct cgroup c = open_payload(p);
	struct cgroup_counters n;

	write_to(p->payload, "memory.events", "oom_kill 9\n");
	cgroup_begin_life(&c);
	write_to(p->payload, "memory.events", "oom_kill 2\n");
	cgroup_end_life(&c, &n);
	assert_int_equal(n.oom_kills, 0);
	cgroup_close(&c);
}

#define in_place(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_cgroup_everything_is_empty_and_fine),
		in_place(folder_that_was_made_is_removed),
		in_place(folder_that_was_there_stays),
		cmocka_unit_test(folder_that_cannot_be_made_is_an_error),
		in_place(populated_is_read),
		in_place(path_starts_from_the_folder_of_the_unit),
		in_place(what_was_found_frozen_is_thawed_once),
		in_place(kill_writes_1),
		in_place(counters_are_those_of_this_life),
		in_place(counters_of_the_unit_are_read_where_the_payload_has_none),
		in_place(peak_is_that_of_the_life_that_raised_it_or_met_the_cap),
		in_place(counters_that_went_back_are_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
