/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

#include "log/index.h"
#include "log/store.h"

/*
 * A pen writes the segments of one stream in @store, for tests of what reads them. What is random
 * comes from pen_seed; with pen_packs, what was written is packed, in frames of pen_frame_bytes or,
 * if that is 0, of any size, and one file in pen_damages is damaged.
 */

/** struct pen - a segment that is being written; @id: NULL: of "shop" */
struct pen {
	const struct stream_id *id;
	int log_fd, index_fd;
	uint64_t seq, bytes, base;
	uint64_t life;
	usec_t at_usec;
};

extern const struct stream_id shop;
extern struct store store;
extern unsigned pen_seed;
extern bool pen_packs;
extern unsigned pen_damages;
extern size_t pen_frame_bytes;

/** any() - a random number below @below */
unsigned any(unsigned below);

/** pen_record() - add a record to the index, for the end of what is there */
void pen_record(struct pen *p, enum index_kind kind, uint64_t value);

/** pen_close() - the segment is complete */
void pen_close(struct pen *p);

/** pen_next() - begin the next segment */
void pen_next(struct pen *p, bool continues);

/** pen_write() - one batch with its record */
void pen_write(struct pen *p, const char *text, size_t n);

/** pen_begin_life() - a life begins */
void pen_begin_life(struct pen *p);

/** pen_line() - a line of @n bytes in batches of any size; a newline only if @whole */
void pen_line(struct pen *p, size_t n, bool whole);

/** store_write() - so many lines of all kinds in several segments */
void store_write(unsigned n_lines);
