/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"

#include "log/line-table.h"
#include "log/seek-table.h"

struct frame_cache;

/**
 * struct packed - a file that was packed, as its reader sees it
 * @fd:    -1 while it is closed
 * @cache: holds its frames, as those of file number @id
 * @lines: empty when they are not known, as of a file of a former version
 * @is_rebuilt: the table was made anew
 * @has_lost_lines: the numbers of its lines were there and are damaged
 */
struct packed {
	int fd;
	struct seek_table table;
	struct line_table lines;
	struct frame_cache *cache;
	uint64_t id;
	bool is_rebuilt;
	bool has_lost_lines;
};

/**
 * packed_open() - begin to read one
 * @fd:    taken over, on failure too
 * @cache: outlives it
 *
 * A table that is missing or damaged is made anew from the frames.
 *
 * Return: 0 or negative errno.
 */
must_check int packed_open(struct packed *p, int fd, struct frame_cache *cache);

/** packed_close() - the reverse; nothing happens when it is closed */
void packed_close(struct packed *p);

/** packed_read_at() - fd_read_at(), but what the disk cannot read is damaged as well: -EBADMSG */
must_check ssize_t packed_read_at(int fd, void *to, size_t n_bytes, uint64_t offset);

/**
 * packed_read() - the bytes that were packed, as pread(2) would give them
 *
 * Return: bytes; fewer than @n_bytes at the end and before a damaged frame only; -EBADMSG when
 * @offset lies in one; negative errno.
 */
must_check ssize_t packed_read(const struct packed *p, void *to, size_t n_bytes, uint64_t offset);

/** packed_frame_begin() - where the frame begins in which @offset lies; all behind the end is one
 */
uint64_t packed_frame_begin(const struct packed *p, uint64_t offset);

/** packed_frame_end() - where it ends; UINT64_MAX behind the end */
uint64_t packed_frame_end(const struct packed *p, uint64_t offset);

/**
 * packed_pack() - write a packed file
 * @from_fd:     what to pack, from its beginning to its end
 * @to_fd:       an empty file
 * @frame_bytes: of one frame; FRAME_BYTES_MAX at most
 * @max_bytes:   that the packed file may have
 * @has_lines:   it is text, of which the lines are counted
 * @ret_bytes:   that it has
 *
 * Return: 0, -ENOSPC when it would become larger, or negative errno.
 */
must_check int packed_pack(int from_fd, int to_fd, size_t frame_bytes, uint64_t max_bytes,
			   bool has_lines, uint64_t *ret_bytes);

/**
 * packed_count() - count the lines of frame @i anew, behind those before it
 * @t: counts all of them; line_table_end() ends that
 *
 * Return: 0, -EBADMSG when the frame is damaged, which is counted as such; negative errno.
 */
must_check int packed_count(const struct packed *p, size_t i, struct line_table *t);

/** packed_write_tables() - write what stands behind the frames; @lines: NULL: none */
must_check int packed_write_tables(const struct seek_table *t, const struct line_table *lines,
				   int to_fd);
