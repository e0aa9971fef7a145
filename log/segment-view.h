/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

#include "log/blob.h"
#include "log/index.h"
#include "log/stream-id.h"

struct store;

/** Index records that are held in memory at a time. */
#define VIEW_RECORDS_MAX 128

/**
 * struct segment_view - a segment that is being read
 * @log:       its bytes; open or not says whether the view is
 * @index:     may be missing
 * @header:    of the index; zeroed, but for its seq, when that is missing or damaged
 * @bytes:     length of the segment, as of the last view_refresh()
 * @n_records: of the index, including one made up for bytes that have none
 * @made_up:   that record, if @has_made_up
 * @at_usec:   when the segment was written last
 * @data:      @data_bytes from @data_offset on, in room for @data_room
 */
struct segment_view {
	struct blob log;
	struct blob index;
	struct index_header header;
	uint64_t bytes;
	uint64_t n_records;
	bool has_made_up;
	struct index_record made_up;
	usec_t at_usec;
	struct index_record *records;
	uint64_t first_record;
	size_t n_held;
	char *data;
	uint64_t data_offset;
	size_t data_bytes;
	size_t data_room;
};

/** view_init() - a closed one */
void view_init(struct segment_view *v);

/** view_open() - open a segment; Return: 0, -ENOENT when it is gone, negative errno */
must_check int view_open(struct segment_view *v, const struct store *store,
			 const struct stream_id *id, uint64_t seq);

/** view_close() - close it and free its memory */
void view_close(struct segment_view *v);

/** view_is_open() - whether it is */
bool view_is_open(const struct segment_view *v);

/** view_refresh() - see what has been written since; Return: 0 or negative errno */
must_check int view_refresh(struct segment_view *v);

/** view_record() - record @i of the index; an index_get_fn() with a view; Return: 0 or -errno */
must_check int view_record(void *view, uint64_t i, struct index_record *ret_record);

/** What view_bytes() and view_bytes_before() say of bytes that were damaged. */
#define VIEW_DAMAGED 1

/**
 * view_bytes() - the bytes from @offset on
 * @wanted:    at least so many if there are so many before the next damage; more are given when
 *             they are at hand
 * @ret_bytes: borrowed until the next call
 *
 * Return: 0, VIEW_DAMAGED when those at @offset are (@ret_n_bytes tells how many), negative errno.
 */
must_check int view_bytes(struct segment_view *v, uint64_t offset, size_t wanted,
			  const char **ret_bytes, uint64_t *ret_n_bytes);

/** view_bytes_before() - the @wanted bytes before @offset, or all there are; otherwise the same */
must_check int view_bytes_before(struct segment_view *v, uint64_t offset, size_t wanted,
				 const char **ret_bytes, uint64_t *ret_n_bytes);
