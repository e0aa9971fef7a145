/* SPDX-License-Identifier: MIT */

/*
 * Rates from two readings, and the files of a cgroup as the kernel writes them.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "supervisor/cgroup-text.h"
#include "supervisor/numbers.h"

static void rate_is_growth_by_time(void **state)
{
	struct numbers before, now, rate;

	numbers_begin(&before, USEC_PER_SEC);
	numbers_begin(&now, 3 * USEC_PER_SEC);
	now.value[NUMBER_CPU_USEC] = 3000000;
	now.value[NUMBER_IO_READ_BYTES] = UINT64_C(40) << 30;
	now.value[NUMBER_MEMORY_BYTES] = 4096;
	numbers_per_second(&before, &now, &rate);
	assert_int_equal(rate.value[NUMBER_CPU_USEC], 1500000);
	assert_int_equal(rate.value[NUMBER_IO_READ_BYTES], UINT64_C(20) << 30);
	assert_int_equal(rate.value[NUMBER_MEMORY_BYTES], 4096);
	assert_int_equal(rate.value[NUMBER_THROTTLED_USEC], 0);
}

static void rate_of_the_first_reading_is_unknown(void **state)
{
	struct numbers now, rate;

	numbers_begin(&now, USEC_PER_SEC);
	now.value[NUMBER_TASKS] = 3;
	numbers_per_second(NULL, &now, &rate);
	assert_true(rate.value[NUMBER_CPU_USEC] == NUMBER_UNKNOWN);
	assert_int_equal(rate.value[NUMBER_TASKS], 3);
}

static void rate_of_a_counter_that_began_anew_is_unknown(void **state)
{
	struct numbers before, now, rate;

	numbers_begin(&before, 1);
	numbers_begin(&now, 1 + USEC_PER_SEC);
	before.value[NUMBER_CPU_USEC] = 10;
	now.value[NUMBER_IO_SOME_USEC] = NUMBER_UNKNOWN;
	numbers_per_second(&before, &now, &rate);
	assert_true(rate.value[NUMBER_CPU_USEC] == NUMBER_UNKNOWN);
	assert_true(rate.value[NUMBER_IO_SOME_USEC] == NUMBER_UNKNOWN);
}

static void rate_within_no_time_is_unknown(void **state)
{
	struct numbers now, rate;

	numbers_begin(&now, USEC_PER_SEC);
	numbers_per_second(&now, &now, &rate);
	assert_true(rate.value[NUMBER_CPU_USEC] == NUMBER_UNKNOWN);
}

static void cpu_stat_with_the_controller_has_throttling(void **state)
{
	struct numbers n;

	numbers_clear(&n);
	cgroup_text_read(CGROUP_FILE_CPU_STAT,
			 "usage_usec 1234\nuser_usec 1000\nsystem_usec 234\nnr_periods 7\n"
			 "nr_throttled 3\nthrottled_usec 55\n",
			 &n);
	assert_int_equal(n.value[NUMBER_CPU_USEC], 1234);
	assert_int_equal(n.value[NUMBER_THROTTLED_USEC], 55);
}

static void cpu_stat_without_the_controller_has_usage_only(void **state)
{
	struct numbers n;

	numbers_clear(&n);
	cgroup_text_read(CGROUP_FILE_CPU_STAT, "usage_usec 9\nuser_usec 9\nsystem_usec 0\n", &n);
	assert_int_equal(n.value[NUMBER_CPU_USEC], 9);
	assert_true(n.value[NUMBER_THROTTLED_USEC] == NUMBER_UNKNOWN);
}

static void pressure_is_read_as_totals(void **state)
{
	struct numbers n;

	numbers_clear(&n);
	cgroup_text_read(CGROUP_FILE_MEMORY_PRESSURE,
			 "some avg10=1.00 avg60=0.00 avg300=0.00 total=77\n"
			 "full avg10=0.00 avg60=0.00 avg300=0.00 total=66\n",
			 &n);
	cgroup_text_read(CGROUP_FILE_CPU_PRESSURE,
			 "some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n", &n);
	assert_int_equal(n.value[NUMBER_MEMORY_SOME_USEC], 77);
	assert_int_equal(n.value[NUMBER_MEMORY_FULL_USEC], 66);
	assert_int_equal(n.value[NUMBER_CPU_SOME_USEC], 5);
	assert_true(n.value[NUMBER_CPU_FULL_USEC] == NUMBER_UNKNOWN);
}

static void io_of_all_devices_is_summed_up(void **state)
{
	struct numbers n;

	numbers_clear(&n);
	cgroup_text_read(CGROUP_FILE_IO_STAT,
			 "254:0 rbytes=100 wbytes=7 rios=1 wios=1 dbytes=0 dios=0\n"
			 "8:16 rbytes=20 wbytes=1000 rios=1 wios=1 dbytes=9 dios=1\n",
			 &n);
	assert_int_equal(n.value[NUMBER_IO_READ_BYTES], 120);
	assert_int_equal(n.value[NUMBER_IO_WRITE_BYTES], 1007);
}

static void io_before_the_first_byte_is_none(void **state)
{
	struct numbers n;

	numbers_clear(&n);
	cgroup_text_read(CGROUP_FILE_IO_STAT, "", &n);
	assert_int_equal(n.value[NUMBER_IO_READ_BYTES], 0);
}

static void limit_that_is_max_is_none(void **state)
{
	struct numbers n;

	numbers_clear(&n);
	cgroup_text_read(CGROUP_FILE_MEMORY_MAX, "max\n", &n);
	cgroup_text_read(CGROUP_FILE_MEMORY_HIGH, "1048576\n", &n);
	assert_true(n.value[NUMBER_MEMORY_MAX_BYTES] == NUMBER_UNKNOWN);
	assert_int_equal(n.value[NUMBER_MEMORY_HIGH_BYTES], 1048576);
}

static void text_that_is_none_of_these_changes_nothing(void **state)
{
	static const char *const texts[] = {"", "\n", "nonsense", "some", "total=9", "full \n"};

	for (enum cgroup_file file = 0; file < CGROUP_FILE_COUNT; file++) {
		for (size_t i = 0; i < ARRAY_LEN(texts) && file != CGROUP_FILE_IO_STAT; i++) {
			struct numbers n;

			numbers_clear(&n);
			cgroup_text_read(file, texts[i], &n);
			for (size_t k = 0; k < NUMBER_COUNT; k++)
				assert_true(n.value[k] == NUMBER_UNKNOWN);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rate_is_growth_by_time),
		cmocka_unit_test(rate_of_the_first_reading_is_unknown),
		cmocka_unit_test(rate_of_a_counter_that_began_anew_is_unknown),
		cmocka_unit_test(rate_within_no_time_is_unknown),
		cmocka_unit_test(cpu_stat_with_the_controller_has_throttling),
		cmocka_unit_test(cpu_stat_without_the_controller_has_usage_only),
		cmocka_unit_test(pressure_is_read_as_totals),
		cmocka_unit_test(io_of_all_devices_is_summed_up),
		cmocka_unit_test(io_before_the_first_byte_is_none),
		cmocka_unit_test(limit_that_is_max_is_none),
		cmocka_unit_test(text_that_is_none_of_these_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
