/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One stream on real files, behind a pipe and a transit; the clock and what fails are the tests' to
 * set. Header only, so that a test still lists the .c files of the project alone.
 */

#include "log/stream.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/file.h"
#include "lib/log.h"
#include "lib/transit.h"
#include "log/board.h"
#include "log/feed.h"
#include "tests/unit/lib/temp.h"

static const struct stream_id shop = {.service = "shop", .stream = 1};
static struct temp temp;
static struct stream_shared shared;
static struct stream stream;
static int pipe_fds[2];
static struct feed feed;
static int splice_error; /* what splice and fallocate fail with; 0: they do not */
static int others_read;  /* what was seen at that look from now on is gone then; 0: never */
static usec_t now_usec, at_usec;

ssize_t __real_splice(int from, off_t *from_offset, int to, off_t *to_offset, size_t n,
		      unsigned flags);
ssize_t __wrap_splice(int from, off_t *from_offset, int to, off_t *to_offset, size_t n,
		      unsigned flags);
ssize_t __real_tee(int from, int to, size_t n, unsigned flags);
ssize_t __wrap_tee(int from, int to, size_t n, unsigned flags);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t n_bytes);
int __wrap_fallocate64(int fd, int mode, off_t offset, off_t n_bytes);
usec_t __wrap_clock_at_usec(void);

ssize_t __wrap_splice(int from, off_t *from_offset, int to, off_t *to_offset, size_t n,
		      unsigned flags)
{
	if (splice_error && to_offset) { /* into a file */
		errno = splice_error;
		return -1;
	}
	return __real_splice(from, from_offset, to, to_offset, n, flags);
}

ssize_t __wrap_tee(int from, int to, size_t n, unsigned flags)
{
	ssize_t seen = __real_tee(from, to, n, flags);
	char bytes[64];

	if (others_read > 0 && --others_read == 0 && seen > 0)
		assert_int_equal(read(from, bytes, sizeof(bytes)), seen);
	return seen;
}

/* Whichever of the two names the C library gives it. */
int __wrap_fallocate(int fd, int mode, off_t offset, off_t n_bytes)
{
	errno = splice_error;
	return splice_error ? -1 : 0;
}

int __wrap_fallocate64(int fd, int mode, off_t offset, off_t n_bytes)
{
	return __wrap_fallocate(fd, mode, offset, n_bytes);
}

usec_t __wrap_clock_at_usec(void)
{
	return at_usec;
}

/** setup() - an empty store, the stream and the pipe */
static inline int setup(void **state)
{
	cleanup_close int board_fd = -1;

	log_init(LOG_LEVEL_ERROR - 1);
	temp_init(&temp);
	splice_error = others_read = 0;
	now_usec = 10 * USEC_PER_SEC;
	at_usec = 100 * USEC_PER_SEC;
	shared = (struct stream_shared){.limit_bytes = 1 << 20};
	assert_int_equal(store_open(&shared.store, temp.path, false, NULL), 0);
	assert_int_equal(peek_init(&shared.peek), 0);
	catalog_init(&shared.catalog);
	assert_int_equal(board_new(&shared.board, &board_fd), 0);
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(feed_init(&feed, (int[]){pipe_fds[0], transit_new()}, 2), 0);
	assert_int_equal(stream_init(&stream, &shared, &shop), 0);
	return 0;
}

/** teardown() - the reverse */
static inline int teardown(void **state)
{
	stream_done(&stream);
	catalog_done(&shared.catalog);
	peek_done(&shared.peek);
	store_done(&shared.store);
	feed_done(&feed);
	close_fd(&pipe_fds[1]);
	temp_done(&temp);
	return 0;
}

/** print() - what the service prints; all of it fits into the pipe */
static inline void print(const char *text)
{
	assert_int_equal(write(pipe_fds[1], text, strlen(text)), strlen(text));
}

/** take() - one turn of the stream; Return: as stream_take() */
static inline ssize_t take(uint64_t life)
{
	return stream_take(&stream, &feed, life, now_usec);
}

/** assert_stored() - that this is in a segment, and nothing else */
static inline void assert_stored(uint64_t seq, const char *text)
{
	char name[SEGMENT_NAME_MAX], path[SEGMENT_NAME_MAX + 8];
	cleanup_free char *data = NULL;

	(void)snprintf(path, sizeof(path), "shop/%s",
		       segment_name(&shop, seq, SEGMENT_FILE_LOG, name));
	assert_int_equal(file_read(temp_path(&temp, path), 1 << 22, &data, NULL), 0);
	assert_string_equal(data, text);
}

/** last_record() - of the segment that is being written */
static inline struct index_record last_record(void)
{
	struct index_record record;

	assert_int_equal(pread(stream.segment.index_fd, &record, sizeof(record),
			       (off_t)(stream.segment.index_bytes - sizeof(record))),
			 sizeof(record));
	return record;
}
