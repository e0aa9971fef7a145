/* SPDX-License-Identifier: MIT */

/*
 * One stream on real files that cannot be stored: what a full disk does.
 */

#include "log/stream.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/intake-frame.h"
#include "tests/unit/log/stream-rig.h"

static void blocked_stream_keeps_the_bytes_and_waits(void **state)
{
	splice_error = ENOSPC;
	print("kept\n");
	assert_int_equal(take(7), -EBUSY);
	assert_int_equal(stream.state, STREAM_BLOCKED);
	assert_int_equal(stream.retry_usec, now_usec + STREAM_RETRY_USEC);
	assert_int_equal(stream.row->state, BOARD_BLOCKED);
	assert_int_equal(stream.row->code, -ENOSPC);
	splice_error = 0;
	assert_int_equal(take(7), -EBUSY);
	now_usec = stream.retry_usec;
	assert_int_equal(take(7), 5);
	assert_int_equal(stream.state, STREAM_COLLECTING);
	assert_int_equal(stream.row->state, BOARD_COLLECTING);
	assert_stored(100, "kept\n");
}

static void dropping_stream_throws_whole_lines_away_and_marks_them(void **state)
{
	struct index_record record;

	stream.policy = INTAKE_POLICY_DROP;
	print("stored\n");
	assert_int_equal(take(7), 7);
	splice_error = ENOSPC;
	print("lost 1\nlost 2\nlos");
	assert_int_equal(take(7), 17);
	assert_int_equal(stream.state, STREAM_DROPPING);
	print("t 3");
	assert_int_equal(take(7), 3);
	assert_int_equal(take(7), -EAGAIN);
	splice_error = 0;
	now_usec = stream.retry_usec;
	print(" and its end\nback\n");
	assert_int_equal(take(7), 13); /* up to the end of the line that was begun */
	assert_int_equal(take(7), 5);
	assert_int_equal(stream.state, STREAM_COLLECTING);
	assert_stored(100, "stored\nback\n");
	assert_int_equal(shared.board->dropped_bytes, 17 + 3 + 13);
	assert_int_equal(pread(stream.segment.index_fd, &record, sizeof(record),
			       (off_t)(stream.segment.index_bytes - 2 * sizeof(record))),
			 sizeof(record));
	assert_int_equal(index_record_kind(&record), INDEX_DROPPED);
	assert_int_equal(record.value, 33);
	assert_int_equal(record.end, 7);
}

static void dropping_stream_that_falls_silent_asks_for_room(void **state)
{
	struct index_record record;

	stream.policy = INTAKE_POLICY_DROP;
	splice_error = ENOSPC;
	print("lost\nhalf");
	assert_int_equal(take(7), 9);
	splice_error = 0;
	now_usec = stream.retry_usec;
	assert_int_equal(take(7), -EAGAIN);
	assert_int_equal(stream.state, STREAM_DROPPING);
	splice_error = ENOSPC;
	print(" a line\n");
	assert_int_equal(take(7), 8);
	assert_int_equal(take(7), -EAGAIN);
	assert_int_equal(stream.state, STREAM_DROPPING);
	assert_int_equal(stream.retry_usec, now_usec + STREAM_RETRY_USEC);
	splice_error = 0;
	assert_int_equal(take(7), -EAGAIN);
	assert_int_equal(stream.state, STREAM_DROPPING);
	now_usec = stream.retry_usec;
	assert_int_equal(take(7), -EAGAIN);
	assert_int_equal(stream.state, STREAM_COLLECTING);
	assert_int_equal(stream.row->state, BOARD_COLLECTING);
	record = last_record();
	assert_int_equal(index_record_kind(&record), INDEX_DROPPED);
	assert_int_equal(record.value, 17);
}

static void dropped_bytes_of_a_life_that_ends_are_marked(void **state)
{
	struct index_record record;

	stream.policy = INTAKE_POLICY_DROP;
	print("stored\n");
	assert_int_equal(take(7), 7);
	splice_error = ENOSPC;
	print("lost\n");
	assert_int_equal(take(7), 5);
	stream_end_life(&stream, 7);
	assert_int_equal(stream.dropped_bytes, 0);
	record = last_record();
	assert_int_equal(index_record_kind(&record), INDEX_END);
}

/* The keeper's pipes wait when they are empty, and the payload may read its own output. */
static void dropping_stream_waits_for_nobody(void **state)
{
	stream.policy = INTAKE_POLICY_DROP;
	splice_error = ENOSPC;
	others_read = 2; /* the first one is for storing it */
	print("lost");
	assert_int_equal(fcntl(pipe_fds[0], F_SETFL, 0), 0);
	assert_int_equal(take(7), -EAGAIN);
	assert_int_equal(stream.dropped_bytes, 0);
}

static void life_that_was_cut_off_costs_the_next_one_no_line(void **state)
{
	stream.policy = INTAKE_POLICY_DROP;
	splice_error = ENOSPC;
	print("half a line");
	assert_int_equal(take(7), 11);
	stream_end_life(&stream, 7);
	splice_error = 0;
	now_usec = stream.retry_usec;
	print("kept\n");
	assert_int_equal(take(8), 5);
	assert_stored(100, "kept\n");
	assert_int_equal(shared.board->dropped_bytes, 11);
}

static void folder_that_is_a_file_blocks(void **state)
{
	assert_int_equal(file_write_quick(temp_path(&temp, "shop"), "x", 1, 0600), 0);
	print("kept\n");
	assert_int_equal(take(7), -EBUSY);
	assert_int_equal(stream.row->code, -ENOTDIR);
	assert_int_equal(remove(temp_path(&temp, "shop")), 0);
	now_usec = stream.retry_usec;
	assert_int_equal(take(7), 5);
	assert_stored(100, "kept\n");
}

#define test_of(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_of(blocked_stream_keeps_the_bytes_and_waits),
		test_of(dropping_stream_throws_whole_lines_away_and_marks_them),
		test_of(dropping_stream_that_falls_silent_asks_for_room),
		test_of(dropped_bytes_of_a_life_that_ends_are_marked),
		test_of(dropping_stream_waits_for_nobody),
		test_of(life_that_was_cut_off_costs_the_next_one_no_line),
		test_of(folder_that_is_a_file_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
