/* SPDX-License-Identifier: MIT */

/*
 * One stream on real files: where its bytes go, and when segments end.
 */

#include "log/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/unit/log/stream-rig.h"

/* --- segments --------------------------------------------------------------------------------- */

static void silent_stream_has_no_file(void **state)
{
	assert_int_equal(take(7), -EAGAIN);
	close_fd(&pipe_fds[1]);
	assert_int_equal(take(7), 0);
	stream_end_life(&stream, 7);
	assert_int_equal(folder_count(temp.path), 0);
}

static void first_byte_begins_segment_and_life(void **state)
{
	print("hello\n");
	assert_int_equal(take(7), 6);
	assert_stored(100, "hello\n");
	assert_int_equal(stream.segment.life, 7);
	stream_end_life(&stream, 7);
	assert_int_equal(take(7), -EAGAIN);
	assert_int_equal(shared.n_open, 1);
	assert_int_equal(shared.open_bytes, stream.segment.bytes + stream.segment.index_bytes);
	assert_int_equal(shared.board->stored_bytes, shared.open_bytes);
}

static void segment_is_gone_on_with_by_the_next_life(void **state)
{
	print("one\n");
	assert_int_equal(take(7), 4);
	stream_end_life(&stream, 7);
	stream_done(&stream);
	assert_int_equal(shared.n_open, 0);
	assert_int_equal(shared.catalog.n_entries, 1);
	assert_int_equal(shared.open_bytes, 0);
	assert_int_equal(stream_init(&stream, &shared, &shop), 0);
	print("two\n");
	assert_int_equal(take(8), 4);
	assert_stored(100, "one\ntwo\n");
	assert_int_equal(shared.catalog.n_entries, 0);
}

static void full_segment_ends_at_the_line_end(void **state)
{
	shared.limit_bytes = 10;
	print("12345678\nabcdefgh\nxyz\n");
	assert_int_equal(take(7), 10);
	assert_int_equal(take(7), 8);
	assert_int_equal(take(7), 4);
	assert_stored(100, "12345678\nabcdefgh\n");
	assert_stored(101, "xyz\n");
	assert_int_equal(shared.catalog.n_entries, 1);
	assert_int_equal(stream.segment.base_bytes, 18);
	assert_int_equal(stream.segment.life, 7);
	assert_true(stream.segment.life_open);
}

static void line_without_end_is_cut_and_continued(void **state)
{
	char block[4097] = {0};
	struct index_header header;
	size_t taken = 0;

	memset(block, 'x', sizeof(block) - 1);
	shared.limit_bytes = 4096;
	while (stream.segment.seq < 101) {
		print(block);
		taken += (size_t)take(7);
		assert_true(taken <= 4096 + ROTATE_OVER_MAX + 65536);
	}
	assert_true(taken > ROTATE_OVER_MAX);
	assert_int_equal(pread(stream.segment.index_fd, &header, sizeof(header), 0),
			 sizeof(header));
	assert_int_equal(header.flags, INDEX_FLAG_CONTINUES);
	assert_int_equal(header.previous, 100);
}

static void life_that_ended_in_mid_line_ends_the_segment_too(void **state)
{
	shared.limit_bytes = 4;
	print("12345");
	assert_int_equal(take(7), 4);
	assert_int_equal(take(7), 1);
	stream_end_life(&stream, 7);
	print("next");
	assert_int_equal(take(8), 4);
	assert_stored(100, "12345");
	assert_stored(101, "next");
}

static void rotation_that_was_asked_for_waits_for_the_line_end(void **state)
{
	print("half");
	assert_int_equal(take(7), 4);
	stream_rotate(&stream);
	print(" a line\nnext\n");
	assert_int_equal(take(7), 8);
	assert_int_equal(take(7), 5);
	assert_stored(100, "half a line\n");
	assert_stored(101, "next\n");
}

static void rotation_of_a_closed_stream_begins_a_new_segment_later(void **state)
{
	print("one\n");
	assert_int_equal(take(7), 4);
	stream_done(&stream);
	assert_int_equal(stream_init(&stream, &shared, &shop), 0);
	stream_rotate(&stream);
	print("two\n");
	assert_int_equal(take(8), 4);
	assert_stored(100, "one\n");
	assert_stored(101, "two\n");
	assert_int_equal(stream.segment.base_bytes, 4);
}

static void folder_that_was_removed_by_hand_is_made_again(void **state)
{
	shared.limit_bytes = 4;
	print("one\n");
	assert_int_equal(take(7), 4);
	assert_int_equal(store_delete(&shared.store, &shop, 100), 0);
	store_remove_folder(&shared.store, "shop");
	assert_int_equal(folder_count(temp.path), 0);
	print("two\n");
	assert_int_equal(take(7), 4);
	assert_stored(101, "two\n");
	assert_int_equal(stream.state, STREAM_COLLECTING);
}

static void segment_that_cannot_be_gone_on_with_holds_nobody_up(void **state)
{
	const char *index = temp_path(&temp, "shop/0.out.0000000100.idx");

	print("one\n");
	assert_int_equal(take(7), 4);
	stream_done(&stream);
	assert_int_equal(stream_init(&stream, &shared, &shop), 0);
	assert_int_equal(remove(index), 0);
	assert_int_equal(mkdir(index, 0700), 0);
	print("two\n");
	assert_int_equal(take(8), 4);
	assert_stored(100, "one\n");
	assert_stored(101, "two\n");
}

/* What a kill between a splice and its record leaves: the next collector finds a record too few. */
static void lose_last_record(uint64_t seq)
{
	char name[SEGMENT_NAME_MAX], path[SEGMENT_NAME_MAX + 8];
	uint64_t index_bytes = stream.segment.index_bytes;

	(void)snprintf(path, sizeof(path), "shop/%s",
		       segment_name(&shop, seq, SEGMENT_FILE_INDEX, name));
	stream_done(&stream);
	assert_int_equal(truncate(temp_path(&temp, path),
				  (off_t)(index_bytes - sizeof(struct index_record))),
			 0);
	assert_int_equal(stream_init(&stream, &shared, &shop), 0);
}

static void assert_records_reach(uint64_t seq, uint64_t end)
{
	struct segment segment;

	assert_int_equal(segment_open(&segment, &shared.store, &shop, seq), 0);
	assert_int_equal(segment.bytes, end);
	assert_false(segment.has_pending);
	segment_close(&segment);
}

static void full_segment_gets_the_record_that_a_kill_left_owing(void **state)
{
	print("one\n");
	assert_int_equal(take(7), 4);
	print("two\n");
	assert_int_equal(take(7), 4);
	lose_last_record(100);
	shared.limit_bytes = 8;
	print("three\n");
	assert_int_equal(take(7), 6);
	assert_stored(101, "three\n");
	assert_records_reach(100, 8);
}

static void segment_before_a_fresh_one_gets_the_record_that_a_kill_left_owing(void **state)
{
	print("one\n");
	assert_int_equal(take(7), 4);
	lose_last_record(100);
	stream_rotate(&stream);
	print("two\n");
	assert_int_equal(take(7), 4);
	assert_stored(101, "two\n");
	assert_records_reach(100, 4);
}

static void clock_that_was_set_back_begins_a_new_segment(void **state)
{
	struct index_record record;

	print("one\n");
	assert_int_equal(take(7), 4);
	at_usec = 50 * USEC_PER_SEC;
	print("two\n");
	assert_int_equal(take(7), 4);
	print("three\n");
	assert_int_equal(take(7), 6);
	assert_stored(100, "one\ntwo\n");
	assert_stored(101, "three\n");
	record = last_record();
	assert_int_equal(index_record_at(&record), at_usec);
}

/* --- what grows old --------------------------------------------------------------------------- */

static void keep_for(usec_t max_age_usec)
{
	shares_told(&shared.catalog.shares, (struct rule){.max_age_usec = max_age_usec}, 1);
}

static void segment_whose_first_byte_is_old_makes_way(void **state)
{
	keep_for(100 * USEC_PER_SEC);
	print("one\n");
	assert_int_equal(take(7), 4);
	at_usec += 10 * USEC_PER_SEC - 1;
	print("two\n");
	assert_int_equal(take(7), 4);
	at_usec += 1;
	print("three\n");
	assert_int_equal(take(7), 6);
	print("four\n");
	assert_int_equal(take(7), 5);
	assert_stored(100, "one\ntwo\n");
	assert_stored(110, "three\nfour\n");
}

static void age_counts_from_the_first_byte_in_the_next_life_too(void **state)
{
	keep_for(100 * USEC_PER_SEC);
	print("one\n");
	assert_int_equal(take(7), 4);
	stream_done(&stream);
	at_usec += 10 * USEC_PER_SEC;
	assert_int_equal(stream_init(&stream, &shared, &shop), 0);
	print("two\n");
	assert_int_equal(take(8), 4);
	assert_stored(100, "one\n");
	assert_stored(110, "two\n");
}

static void silent_segment_is_ended_when_all_of_it_is_too_old(void **state)
{
	keep_for(100 * USEC_PER_SEC);
	assert_int_equal(stream_expire(&stream, at_usec), USEC_INFINITY);
	print("one\nhalf");
	assert_int_equal(take(7), 8);
	assert_int_equal(stream_due(&stream), 200 * USEC_PER_SEC);
	assert_int_equal(stream_expire(&stream, 200 * USEC_PER_SEC - 1), 200 * USEC_PER_SEC);
	assert_int_equal(shared.catalog.n_entries, 0);
	at_usec = 200 * USEC_PER_SEC;
	assert_int_equal(stream_expire(&stream, at_usec), USEC_INFINITY);
	assert_int_equal(catalog_oldest(&shared.catalog)->seq, 100);
	assert_int_equal(stream.segment.seq, 200);
	assert_int_equal(stream.segment.base_bytes, 8);
	assert_int_equal(stream.segment.life, 7);
	assert_int_equal(stream_expire(&stream, USEC_INFINITY - 1), USEC_INFINITY);
	print(" a line\n");
	assert_int_equal(take(7), 8);
	assert_stored(200, " a line\n");
	assert_int_equal(stream.segment.first_at_usec, at_usec);
}

static void segment_with_a_large_index_makes_way(void **state)
{
	shared.limit_bytes = sizeof(struct index_header) + 4 * sizeof(struct index_record);
	for (int i = 0; i < 4; i++) {
		print("x\n");
		assert_int_equal(take(7), 2);
	}
	assert_stored(100, "x\nx\nx\n");
	assert_stored(101, "x\n");
}

static void service_with_a_cap_has_smaller_segments(void **state)
{
	char block[4097] = {0};
	struct rule rule = {.max_bytes = 128 * 1024};
	size_t taken = 0;

	memset(block, '\n', sizeof(block) - 1);
	assert_int_equal(shares_tell(&shared.catalog.shares, "shop", rule, 1), 0);
	while (shared.catalog.n_entries == 0) {
		print(block);
		taken += (size_t)take(7);
		assert_true(taken <= 64 * 1024 + sizeof(block));
	}
	assert_int_equal(stream.share->bytes, shared.open_bytes + shared.catalog.bytes);
}

#define test_of(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_of(silent_stream_has_no_file),
		test_of(first_byte_begins_segment_and_life),
		test_of(segment_is_gone_on_with_by_the_next_life),
		test_of(full_segment_ends_at_the_line_end),
		test_of(line_without_end_is_cut_and_continued),
		test_of(life_that_ended_in_mid_line_ends_the_segment_too),
		test_of(rotation_that_was_asked_for_waits_for_the_line_end),
		test_of(rotation_of_a_closed_stream_begins_a_new_segment_later),
		test_of(folder_that_was_removed_by_hand_is_made_again),
		test_of(segment_that_cannot_be_gone_on_with_holds_nobody_up),
		test_of(full_segment_gets_the_record_that_a_kill_left_owing),
		test_of(segment_before_a_fresh_one_gets_the_record_that_a_kill_left_owing),
		test_of(clock_that_was_set_back_begins_a_new_segment),
		test_of(segment_whose_first_byte_is_old_makes_way),
		test_of(age_counts_from_the_first_byte_in_the_next_life_too),
		test_of(silent_segment_is_ended_when_all_of_it_is_too_old),
		test_of(segment_with_a_large_index_makes_way),
		test_of(service_with_a_cap_has_smaller_segments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
