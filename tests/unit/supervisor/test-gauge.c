/* SPDX-License-Identifier: MIT */

/*
 * A gauge on a fake cgroup: a folder with files as the kernel writes them.
 */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "supervisor/gauge.h"
#include "supervisor/ring-file.h"

struct fixture {
	char folder[32];
	char cgroup[64];
	struct gauge *gauge;
};

static void put(const struct fixture *f, const char *file, const char *text)
{
	cleanup_free char *path = file_path_join(f->cgroup, file);
	/* In place: what is kept open is this file. */
	cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static int set_up(void **state)
{
	static struct fixture f;

	strcpy(f.folder, "/tmp/sk-gauge-XXXXXX");
	assert_non_null(mkdtemp(f.folder));
	snprintf(f.cgroup, sizeof(f.cgroup), "%s/cgroup", f.folder);
	assert_int_equal(mkdir(f.cgroup, 0700), 0);
	put(&f, "cpu.stat", "usage_usec 1000000\nthrottled_usec 0\n");
	put(&f, "memory.current", "1048576\n");
	put(&f, "memory.max", "2097152\n");
	put(&f, "pids.current", "2\n");
	f.gauge = gauge_new(f.folder, "web");
	assert_non_null(f.gauge);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	static const char *const files[] = {"cgroup/cpu.stat",     "cgroup/memory.current",
					    "cgroup/memory.max",   "cgroup/memory.peak",
					    "cgroup/pids.current", "web.ring"};
	struct fixture *f = *state;

	gauge_free(f->gauge);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		cleanup_free char *path = file_path_join(f->folder, files[i]);

		(void)unlink(path);
	}
	(void)rmdir(f->cgroup);
	return rmdir(f->folder);
}

static uint64_t per_second(const struct fixture *f, enum number number)
{
	return f->gauge->per_second.value[number];
}

static void gauge_reads_a_cgroup_twice_and_knows_the_rate(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(meter_open(&f->gauge->meter, AT_FDCWD, f->cgroup), 0);
	gauge_begin(f->gauge, 0);
	assert_int_equal(gauge_read(f->gauge, 10 * USEC_PER_SEC, true), 0);
	assert_true(per_second(f, NUMBER_CPU_USEC) == NUMBER_UNKNOWN);
	put(f, "cpu.stat", "usage_usec 1500000\nthrottled_usec 100000\n");
	put(f, "memory.current", "4096\n");
	assert_int_equal(gauge_read(f->gauge, 11 * USEC_PER_SEC, false), 0);
	assert_int_equal(per_second(f, NUMBER_CPU_USEC), 500000);
	assert_int_equal(per_second(f, NUMBER_THROTTLED_USEC), 100000);
	assert_int_equal(per_second(f, NUMBER_MEMORY_BYTES), 4096);
	assert_int_equal(per_second(f, NUMBER_TASKS), 2);
	/* What is rarely read stays known, what the cgroup has not stays unknown. */
	assert_int_equal(per_second(f, NUMBER_MEMORY_MAX_BYTES), 2097152);
	assert_true(per_second(f, NUMBER_IO_READ_BYTES) == NUMBER_UNKNOWN);
}

static void gauge_with_a_known_beginning_has_a_rate_at_once(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(meter_open(&f->gauge->meter, AT_FDCWD, f->cgroup), 0);
	gauge_begin(f->gauge, 8 * USEC_PER_SEC);
	assert_int_equal(gauge_read(f->gauge, 10 * USEC_PER_SEC, false), 0);
	assert_int_equal(per_second(f, NUMBER_CPU_USEC), 500000);
}

static void gauge_looked_at_twice_in_a_moment_keeps_its_rate(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(meter_open(&f->gauge->meter, AT_FDCWD, f->cgroup), 0);
	gauge_begin(f->gauge, 8 * USEC_PER_SEC);
	assert_int_equal(gauge_read(f->gauge, 10 * USEC_PER_SEC, false), 0);
	put(f, "cpu.stat", "usage_usec 1010000\n");
	put(f, "memory.current", "8192\n");
	assert_int_equal(gauge_read(f->gauge, 10 * USEC_PER_SEC + 10000, false), 0);
	assert_int_equal(per_second(f, NUMBER_CPU_USEC), 500000);
	assert_int_equal(per_second(f, NUMBER_MEMORY_BYTES), 8192);
}

static void meter_of_no_cgroup_is_closed(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(meter_open(&f->gauge->meter, AT_FDCWD, "/no/such/folder"), -ENOENT);
	assert_false(meter_is_open(&f->gauge->meter));
	meter_close(&f->gauge->meter);
}

static void meter_opens_the_folder_above(void **state)
{
	struct fixture *f = *state;
	struct meter above;
	struct stat one, other;

	assert_int_equal(meter_open(&f->gauge->meter, AT_FDCWD, f->cgroup), 0);
	meter_init(&above);
	assert_int_equal(meter_open(&above, f->gauge->meter.folder, ".."), 0);
	assert_int_equal(fstat(above.folder, &one), 0);
	assert_int_equal(stat(f->folder, &other), 0);
	assert_int_equal(one.st_ino, other.st_ino);
	meter_close(&above);
}

static size_t history(const struct fixture *f, enum ring_step step, uint32_t now_sec, size_t max,
		      struct ring_record *ret_last)
{
	cleanup_free struct ring_record *records = NULL;
	size_t n = 0;

	assert_int_equal(gauge_history(f->gauge, step, now_sec, max, &records, &n), 0);
	if (n > 0)
		*ret_last = records[n - 1];
	for (size_t i = 1; i < n; i++)
		assert_true(records[i - 1].at_sec < records[i].at_sec);
	return n;
}

static void history_is_written_once_a_minute_and_read_as_one_with_what_is_not_written(void **state)
{
	struct fixture *f = *state;
	cleanup_free char *path = file_path_join(f->folder, "web.ring");
	uint32_t now_sec = (uint32_t)(clock_at_usec() / USEC_PER_SEC);
	uint32_t first_sec = now_sec - 100;
	struct ring_record last = {0};

	gauge_begin(f->gauge, 1);
	/* Written when the 31st second is over, and a minute later. */
	f->gauge->phase = (first_sec + 30) % GAUGE_RECORDS;
	for (uint32_t i = 0; i < 100; i++) {
		f->gauge->per_second.value[NUMBER_TASKS] = i;
		assert_int_equal(gauge_record(f->gauge, first_sec + i), 0);
		assert_int_equal(access(path, F_OK), i <= 30 ? -1 : 0);
	}
	assert_int_equal(history(f, RING_STEP_SECOND, first_sec + 99, 1000, &last), 100);
	assert_int_equal(last.value[NUMBER_TASKS], 99);
	assert_int_equal(history(f, RING_STEP_SECOND, first_sec + 99, 20, &last), 20);
	assert_int_equal(history(f, RING_STEP_MINUTE, first_sec + 99, 1000, &last), 2);
	assert_int_equal(last.value[NUMBER_TASKS], 90);
}

/* The machine was busy, or slept, in just the second in which the minute is written. */
static void history_with_a_second_missing_has_all_others(void **state)
{
	struct fixture *f = *state;
	uint32_t now_sec = (uint32_t)(clock_at_usec() / USEC_PER_SEC);
	uint32_t first_sec = now_sec - 200;
	struct ring_record last = {0};

	gauge_begin(f->gauge, 1);
	f->gauge->phase = (first_sec + 30) % GAUGE_RECORDS;
	for (uint32_t i = 0; i < 200; i++) {
		if (i % GAUGE_RECORDS != 30 && i != 91)
			assert_int_equal(gauge_record(f->gauge, first_sec + i), 0);
	}
	assert_int_equal(history(f, RING_STEP_SECOND, first_sec + 199, 1000, &last), 200 - 4);
}

static void history_after_the_clock_was_set_back_is_what_came_after_that(void **state)
{
	struct fixture *f = *state;
	uint32_t now_sec = (uint32_t)(clock_at_usec() / USEC_PER_SEC);
	struct ring_record before = {.at_sec = now_sec - 1}, last = {0};

	before.value[NUMBER_TASKS] = 77;
	assert_int_equal(ring_file_write(f->gauge->path, &before, 1, NULL), 0);
	gauge_begin(f->gauge, 1);
	f->gauge->per_second.value[NUMBER_TASKS] = 5;
	for (uint32_t i = 3; i > 0; i--)
		assert_int_equal(gauge_record(f->gauge, now_sec - i), 0);
	assert_int_equal(history(f, RING_STEP_SECOND, now_sec, 10, &last), 3);
	assert_int_equal(last.value[NUMBER_TASKS], 5);
}

static void history_survives_its_gauge(void **state)
{
	struct fixture *f = *state;
	uint32_t now_sec = (uint32_t)(clock_at_usec() / USEC_PER_SEC);
	struct ring_record last = {0};

	assert_int_equal(meter_open(&f->gauge->meter, AT_FDCWD, f->cgroup), 0);
	assert_int_equal(gauge_read(f->gauge, clock_now_usec(), true), 0);
	f->gauge->phase = (now_sec + 1) % GAUGE_RECORDS;
	assert_int_equal(gauge_record(f->gauge, now_sec), 0);
	gauge_free(f->gauge);
	f->gauge = gauge_new(f->folder, "web");
	assert_int_equal(history(f, RING_STEP_SECOND, now_sec, 10, &last), 1);
	assert_int_equal(last.value[NUMBER_MEMORY_BYTES], 1024);
	assert_int_equal(history(f, RING_STEP_MINUTE, now_sec + 2, 10, &last), 1);
}

static void history_that_cannot_be_written_is_an_error(void **state)
{
	struct fixture *f = *state;
	uint32_t now_sec = (uint32_t)(clock_at_usec() / USEC_PER_SEC);

	free(f->gauge->path);
	f->gauge->path = strdup("/no/such/folder/web.ring");
	f->gauge->phase = now_sec % GAUGE_RECORDS;
	assert_int_equal(gauge_record(f->gauge, now_sec), 0);
	assert_int_equal(gauge_record(f->gauge, now_sec + 1), -ENOENT);
}

#define test(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(gauge_reads_a_cgroup_twice_and_knows_the_rate),
		test(gauge_with_a_known_beginning_has_a_rate_at_once),
		test(gauge_looked_at_twice_in_a_moment_keeps_its_rate),
		test(meter_of_no_cgroup_is_closed),
		test(meter_opens_the_folder_above),
		test(history_is_written_once_a_minute_and_read_as_one_with_what_is_not_written),
		test(history_with_a_second_missing_has_all_others),
		test(history_after_the_clock_was_set_back_is_what_came_after_that),
		test(history_survives_its_gauge),
		test(history_that_cannot_be_written_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
