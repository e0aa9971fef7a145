/* SPDX-License-Identifier: MIT */

/*
 * Records, their places, and the file that they are kept in.
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

#include "supervisor/ring-file.h"
#include "supervisor/ring.h"

/* A moment at which a minute and an hour begin. */
#define HOUR_SEC UINT32_C(1795276800)

static struct ring_record record(uint32_t at_sec, uint64_t cpu_usec)
{
	struct ring_record r;
	struct numbers n;

	numbers_begin(&n, 0);
	n.value[NUMBER_CPU_USEC] = cpu_usec;
	n.value[NUMBER_TASKS] = cpu_usec;
	ring_record_of(&n, at_sec, &r);
	return r;
}

static void record_keeps_what_it_was_given(void **state)
{
	struct numbers n, back;
	struct ring_record r;

	numbers_clear(&n);
	n.value[NUMBER_CPU_USEC] = 1500000;
	n.value[NUMBER_MEMORY_BYTES] = 1025;
	n.value[NUMBER_IO_WRITE_BYTES] = UINT64_C(5) << 40;
	n.value[NUMBER_TASKS] = 0;
	ring_record_of(&n, HOUR_SEC, &r);
	ring_numbers_of(&r, &back);
	assert_int_equal(r.at_sec, HOUR_SEC);
	assert_int_equal(back.value[NUMBER_CPU_USEC], 1500000);
	assert_int_equal(back.value[NUMBER_MEMORY_BYTES], 2048);
	assert_int_equal(back.value[NUMBER_TASKS], 0);
	assert_true(back.value[NUMBER_SWAP_BYTES] == NUMBER_UNKNOWN);
	/* More than a record can hold is much, and not unknown. */
	assert_int_equal(back.value[NUMBER_IO_WRITE_BYTES], (UINT64_C(1) << 42) - 2048);
}

static void minute_has_means_of_rates_and_the_highest_amounts(void **state)
{
	struct ring_record records[4], minute;

	records[0] = record(HOUR_SEC - 60, 900);
	records[1] = record(HOUR_SEC - 59, 10);
	records[2] = record(HOUR_SEC, 30);
	records[3] = record(HOUR_SEC + 1, 800);
	assert_true(ring_minute_of(records, 4, HOUR_SEC, &minute));
	assert_int_equal(minute.value[NUMBER_CPU_USEC], 20);
	assert_int_equal(minute.value[NUMBER_TASKS], 30);
	assert_int_equal(minute.at_sec, HOUR_SEC);
	assert_false(ring_minute_of(records, 4, HOUR_SEC + 100, &minute));
}

static void minute_of_unknown_is_unknown(void **state)
{
	struct ring_record r, minute;
	struct numbers n;

	numbers_clear(&n);
	ring_record_of(&n, HOUR_SEC, &r);
	assert_true(ring_minute_of(&r, 1, HOUR_SEC, &minute));
	ring_numbers_of(&minute, &n);
	assert_true(n.value[NUMBER_CPU_USEC] == NUMBER_UNKNOWN);
	assert_true(n.value[NUMBER_MEMORY_BYTES] == NUMBER_UNKNOWN);
}

static void record_counts_for_one_round(void **state)
{
	struct ring_record r = record(HOUR_SEC, 1);
	struct ring_record never = {0};

	assert_true(ring_holds(RING_STEP_SECOND, &r, HOUR_SEC));
	assert_true(ring_holds(RING_STEP_SECOND, &r, HOUR_SEC + 3599));
	assert_false(ring_holds(RING_STEP_SECOND, &r, HOUR_SEC + 3600));
	assert_true(ring_holds(RING_STEP_MINUTE, &r, HOUR_SEC + 86399));
	assert_false(ring_holds(RING_STEP_MINUTE, &r, HOUR_SEC + 86400));
	assert_false(ring_holds(RING_STEP_SECOND, &r, HOUR_SEC - 1));
	assert_false(ring_holds(RING_STEP_SECOND, &never, 5));
}

/* --- the file ------------------------------------------------------------------------------ */

struct fixture {
	char folder[32];
	char path[64];
};

static int set_up(void **state)
{
	static struct fixture f;

	strcpy(f.folder, "/tmp/sk-ring-XXXXXX");
	assert_non_null(mkdtemp(f.folder));
	snprintf(f.path, sizeof(f.path), "%s/web.ring", f.folder);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	const struct fixture *f = *state;

	(void)unlink(f->path);
	return rmdir(f->folder);
}

static size_t read_back(const struct fixture *f, enum ring_step step, uint32_t now_sec,
			struct ring_record *ret, size_t max)
{
	cleanup_free struct ring_record *records = NULL;
	size_t n = 0;

	assert_int_equal(ring_file_read(f->path, step, now_sec, max, &records, &n), 0);
	memcpy(ret, records, n * sizeof(*records));
	return n;
}

static void file_gives_back_what_was_written_in_order_and_over_the_end_of_the_ring(void **state)
{
	const struct fixture *f = *state;
	struct ring_record in[4] = {{0}}, out[8];

	/* As in memory: by second of the minute, and one place was never written. */
	in[0] = record(HOUR_SEC, 3);
	in[1] = record(HOUR_SEC + 1, 4);
	in[3] = record(HOUR_SEC - 1, 2);
	assert_int_equal(ring_file_write(f->path, in, 4, &in[0]), 0);
	assert_int_equal(read_back(f, RING_STEP_SECOND, HOUR_SEC + 1, out, 8), 3);
	assert_int_equal(out[0].at_sec, HOUR_SEC - 1);
	assert_int_equal(out[2].at_sec, HOUR_SEC + 1);
	assert_int_equal(out[2].value[NUMBER_CPU_USEC], 4);
	assert_int_equal(read_back(f, RING_STEP_MINUTE, HOUR_SEC + 1, out, 8), 1);
	assert_int_equal(out[0].value[NUMBER_CPU_USEC], 3);
}

static void file_gives_the_newest_when_asked_for_few(void **state)
{
	const struct fixture *f = *state;
	struct ring_record in[3], out[8];

	for (uint32_t i = 0; i < 3; i++)
		in[i] = record(HOUR_SEC + i, i);
	assert_int_equal(ring_file_write(f->path, in, 3, NULL), 0);
	assert_int_equal(read_back(f, RING_STEP_SECOND, HOUR_SEC + 9, out, 2), 2);
	assert_int_equal(out[0].at_sec, HOUR_SEC + 1);
	assert_int_equal(read_back(f, RING_STEP_MINUTE, HOUR_SEC + 9, out, 2), 0);
}

static void file_has_a_fixed_size_and_takes_room_for_what_is_written(void **state)
{
	const struct fixture *f = *state;
	struct ring_record r = record(HOUR_SEC, 1);
	struct stat st;

	for (uint32_t hour = 0; hour < 5; hour++) {
		r.at_sec = HOUR_SEC + hour * 3600;
		assert_int_equal(ring_file_write(f->path, &r, 1, &r), 0);
	}
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_size, 4096 + (3600 + 1440) * 64);
	assert_true(st.st_blocks * 512 < 64 * 1024);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void file_of_another_layout_is_begun_anew(void **state)
{
	const struct fixture *f = *state;
	struct ring_record r = record(HOUR_SEC, 1), out[2];
	int fd = open(f->path, O_WRONLY | O_CREAT, 0600);

	assert_int_equal(write(fd, "something else", 14), 14);
	close(fd);
	assert_int_equal(read_back(f, RING_STEP_SECOND, HOUR_SEC, out, 2), 0);
	assert_int_equal(ring_file_write(f->path, &r, 1, NULL), 0);
	assert_int_equal(read_back(f, RING_STEP_SECOND, HOUR_SEC, out, 2), 1);
}

static void file_that_is_not_there_has_nothing(void **state)
{
	struct ring_record out[1];

	assert_int_equal(read_back(*state, RING_STEP_SECOND, HOUR_SEC, out, 1), 0);
}

static void file_that_is_a_link_is_refused(void **state)
{
	const struct fixture *f = *state;
	struct ring_record r = record(HOUR_SEC, 1);

	assert_int_equal(symlink("/etc/passwd", f->path), 0);
	assert_int_equal(ring_file_write(f->path, &r, 1, NULL), -ELOOP);
}

static void file_is_forgotten_when_nothing_in_it_counts(void **state)
{
	const struct fixture *f = *state;
	struct timespec times[2] = {{.tv_sec = HOUR_SEC}, {.tv_sec = HOUR_SEC}};
	struct ring_record r = record(HOUR_SEC, 1);

	assert_int_equal(ring_file_write(f->path, &r, 1, NULL), 0);
	assert_int_equal(utimensat(AT_FDCWD, f->path, times, 0), 0);
	ring_file_forget(f->folder, HOUR_SEC + 86400);
	assert_int_equal(access(f->path, F_OK), 0);
	ring_file_forget(f->folder, HOUR_SEC + 86401);
	assert_int_equal(access(f->path, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_keeps_what_it_was_given),
		cmocka_unit_test(minute_has_means_of_rates_and_the_highest_amounts),
		cmocka_unit_test(minute_of_unknown_is_unknown),
		cmocka_unit_test(record_counts_for_one_round),
		cmocka_unit_test_setup_teardown(
			file_gives_back_what_was_written_in_order_and_over_the_end_of_the_ring,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(file_gives_the_newest_when_asked_for_few, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			file_has_a_fixed_size_and_takes_room_for_what_is_written, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(file_of_another_layout_is_begun_anew, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(file_that_is_not_there_has_nothing, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(file_that_is_a_link_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(file_is_forgotten_when_nothing_in_it_counts, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
