/* SPDX-License-Identifier: MIT */

/*
 * Records and the two searches in them.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "log/index.h"

static void record_made_is_read_again(void **state)
{
	struct index_record r = index_record_make(INDEX_DROPPED, 17, 1795232340123456, 99);

	assert_int_equal(index_record_kind(&r), INDEX_DROPPED);
	assert_int_equal(index_record_at(&r), 1795232340123456);
	assert_int_equal(r.end, 17);
	assert_int_equal(r.value, 99);
}

static void record_of_unknown_kind_is_told_apart(void **state)
{
	struct index_record r = {.stamp = UINT64_MAX};

	assert_int_equal(index_record_kind(&r), INDEX_KIND_COUNT);
}

static void header_of_another_segment_is_refused(void **state)
{
	struct index_header h = {.magic = INDEX_MAGIC, .version = INDEX_VERSION, .seq = 5};

	assert_true(index_header_valid(&h, 5));
	assert_false(index_header_valid(&h, 6));
	h.version++;
	assert_false(index_header_valid(&h, 5));
	h.version--;
	h.magic ^= 1;
	assert_false(index_header_valid(&h, 5));
}

static void file_with_a_part_of_a_record_counts_whole_ones(void **state)
{
	assert_int_equal(index_records_in(0), 0);
	assert_int_equal(index_records_in(63), 0);
	assert_int_equal(index_records_in(64), 0);
	assert_int_equal(index_records_in(64 + 23), 0);
	assert_int_equal(index_records_in(64 + 24), 1);
	assert_int_equal(index_records_in(index_offset_of(7) + 23), 7);
}

struct table {
	struct index_record records[6];
	unsigned n_reads;
};

static int table_get(void *userdata, uint64_t i, struct index_record *ret_record)
{
	struct table *t = userdata;

	t->n_reads++;
	if (i >= ARRAY_LEN(t->records))
		return -EIO;
	*ret_record = t->records[i];
	return 0;
}

/* Ends 10 20 20 20 30 40, times 100 100 200 300 300 400. */
static struct table table_make(void)
{
	return (struct table){.records = {
				      index_record_make(INDEX_DATA, 10, 100, 1),
				      index_record_make(INDEX_DATA, 20, 100, 1),
				      index_record_make(INDEX_END, 20, 200, 1),
				      index_record_make(INDEX_BEGIN, 20, 300, 2),
				      index_record_make(INDEX_DATA, 30, 300, 2),
				      index_record_make(INDEX_DATA, 40, 400, 2),
			      }};
}

static void find_at_returns_the_first_at_or_after(void **state)
{
	static const struct {
		usec_t at;
		uint64_t i;
	} cases[] = {{0, 0}, {100, 0}, {101, 2}, {200, 2}, {250, 3}, {300, 3}, {400, 5}, {401, 6}};
	struct table t = table_make();
	uint64_t i;

	for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
		assert_int_equal(index_find_at(6, table_get, &t, cases[k].at, &i), 0);
		assert_int_equal(i, cases[k].i);
	}
	assert_int_equal(index_find_at(0, table_get, &t, 5, &i), 0);
	assert_int_equal(i, 0);
}

static void find_beyond_returns_the_first_behind(void **state)
{
	static const struct {
		uint64_t offset, i;
	} cases[] = {{0, 0}, {9, 0}, {10, 1}, {19, 1}, {20, 4}, {30, 5}, {39, 5}, {40, 6}};
	struct table t = table_make();
	uint64_t i;

	for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
		assert_int_equal(index_find_beyond(6, table_get, &t, cases[k].offset, &i), 0);
		assert_int_equal(i, cases[k].i);
	}
}

static void search_that_cannot_read_says_so(void **state)
{
	struct table t = table_make();
	uint64_t i;

	assert_int_equal(index_find_at(1000, table_get, &t, 5000, &i), -EIO);
	assert_int_equal(index_find_beyond(1000, table_get, &t, 5000, &i), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_made_is_read_again),
		cmocka_unit_test(record_of_unknown_kind_is_told_apart),
		cmocka_unit_test(header_of_another_segment_is_refused),
		cmocka_unit_test(file_with_a_part_of_a_record_counts_whole_ones),
		cmocka_unit_test(find_at_returns_the_first_at_or_after),
		cmocka_unit_test(find_beyond_returns_the_first_behind),
		cmocka_unit_test(search_that_cannot_read_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
