/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"

#include "log/index.h"
#include "log/stream-id.h"

struct store;

/**
 * struct segment - the one segment of a stream that is being written
 * @log_fd @index_fd: -1 while there is none
 * @bytes:       of the segment: where the next batch goes
 * @index_bytes: of the index: where the next record goes
 * @base_bytes:  of this stream in the segments before
 * @life:        of the last record
 * @life_open:   it has not ended
 * @mark_bytes:  where the last life began or ended
 * @first_at_usec @at_usec: time of the first and of the last record
 * @stepped_back: the wall clock was set back behind it
 * @pending:     @has_pending: a batch is stored whose record is not written yet
 */
struct segment {
	int log_fd;
	int index_fd;
	uint64_t seq;
	uint64_t bytes;
	uint64_t index_bytes;
	uint64_t base_bytes;
	uint64_t life;
	uint64_t mark_bytes;
	bool life_open;
	bool stepped_back;
	bool has_pending;
	usec_t first_at_usec;
	usec_t at_usec;
	struct index_record pending;
};

/** segment_init() - no segment is open yet */
void segment_init(struct segment *s);

/** segment_is_open() - whether there is one */
bool segment_is_open(const struct segment *s);

/**
 * segment_create() - begin a new one
 * @header: complete; its seq names the files
 *
 * Return: 0, -EEXIST when that number was used already, or negative errno; then nothing is left.
 */
must_check int segment_create(struct segment *s, const struct store *store,
			      const struct stream_id *id, const struct index_header *header);

/**
 * segment_open() - go on with one that a former collector wrote
 *
 * Its index is made to fit: see log/index.c.
 *
 * Return: 0, -ENOENT when it is gone or only there as a packed one, negative errno.
 */
must_check int segment_open(struct segment *s, const struct store *store,
			    const struct stream_id *id, uint64_t seq);

/** segment_close() - forget it */
void segment_close(struct segment *s);

/**
 * segment_splice() - move bytes from a pipe to the end and stamp them
 * @pipe_fd:   non-blocking as far as this call is concerned
 * @max_bytes: at most so many
 * @life:      whose they are
 *
 * Return: bytes (> 0), 0 at the pipe's end of file, -EAGAIN when it is empty, or why nothing could
 * be stored (-ENOSPC …): then no byte has left the pipe.
 */
must_check ssize_t segment_splice(struct segment *s, int pipe_fd, size_t max_bytes, uint64_t life);

/**
 * segment_mark() - record an event at the end
 * @kind:  INDEX_BEGIN, INDEX_END or INDEX_DROPPED
 * @value: life, or bytes dropped
 *
 * Return: 0 or negative errno.
 */
must_check int segment_mark(struct segment *s, enum index_kind kind, uint64_t value);

/**
 * segment_settle() - write the record that is still owed, if there is one
 *
 * Context: before the next segment is begun; nobody would write it afterwards.
 * Return: 0 or negative errno.
 */
must_check int segment_settle(struct segment *s);

/** segment_has_room() - whether the disk would take a few bytes more now */
bool segment_has_room(struct segment *s);

/** segment_at_line_end() - whether the next byte begins a line */
bool segment_at_line_end(const struct segment *s);
