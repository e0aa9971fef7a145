/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The index beside a segment: one header, then fixed records in the order of what happened.
 * Host byte order: a store stays on its machine.
 */

#include "lib/base.h"

#define INDEX_MAGIC 0x736b6978u /* "skix" */
#define INDEX_VERSION 1
/** A stamp that steps back by more than this begins a new segment; by less, it is held. */
#define INDEX_STEP_BACK_USEC (2 * USEC_PER_SEC)

enum index_flag {
	INDEX_FLAG_CONTINUES = 1, /* the first line began in the segment before */
};

/**
 * struct index_header - first in the file
 * @flags:      enum index_flag
 * @seq:        sequence number of this segment
 * @previous:   that of the one before; 0: none
 * @base_bytes: bytes of this stream in all segments before
 * @created_at_usec: wall clock
 * @life:       life that was going on when the segment was made; 0: none
 */
struct index_header {
	uint32_t magic;
	uint16_t version;
	uint16_t flags;
	uint64_t seq;
	uint64_t previous;
	uint64_t base_bytes;
	uint64_t created_at_usec;
	uint64_t life;
	uint64_t reserved[2];
};

/** enum index_kind - what a record says about the bytes up to its end, or at its end */
enum index_kind {
	INDEX_DATA,    /* these bytes came in one batch; value: life */
	INDEX_BEGIN,   /* a life begins here; value: life */
	INDEX_END,     /* a life ended here, newline or not; value: life */
	INDEX_DROPPED, /* bytes were lost here (full disk, policy drop); value: how many */
	INDEX_KIND_COUNT,
};

/**
 * struct index_record - one batch or event
 * @end:   offset in the segment behind the batch; for an event, where it took place
 * @stamp: kind in the top byte, wall clock in microseconds below
 * @value: see enum index_kind
 *
 * In one segment neither @end nor the time ever goes backwards.
 */
struct index_record {
	uint64_t end;
	uint64_t stamp;
	uint64_t value;
};

static_assert(sizeof(struct index_header) == 64, "the header is part of the file format");
static_assert(sizeof(struct index_record) == 24, "the record is part of the file format");

/** index_record_make() - put a record together; @at_usec is cut to 56 bits */
struct index_record index_record_make(enum index_kind kind, uint64_t end, usec_t at_usec,
				      uint64_t value);

/** index_record_kind() - INDEX_KIND_COUNT for a kind that nobody knows */
enum index_kind index_record_kind(const struct index_record *r);

/** index_record_at() - wall clock in microseconds */
usec_t index_record_at(const struct index_record *r);

/** index_header_valid() - magic, version and sequence number are right */
bool index_header_valid(const struct index_header *h, uint64_t seq);

/** index_records_in() - whole records in an index file of @file_bytes */
uint64_t index_records_in(uint64_t file_bytes);

/** index_offset_of() - where record @i stands in the file */
uint64_t index_offset_of(uint64_t i);

/**
 * index_get_fn() - fetch record @i
 *
 * Return: 0 or negative errno, which ends the search.
 */
typedef int (*index_get_fn)(void *userdata, uint64_t i, struct index_record *ret_record);

/**
 * index_find_at() - the first record at or after a time
 * @n_records: how many there are
 * @ret_i:     @n_records when all are before @at_usec
 *
 * Return: 0 or what @get returned.
 */
must_check int index_find_at(uint64_t n_records, index_get_fn get, void *userdata, usec_t at_usec,
			     uint64_t *ret_i);

/**
 * index_find_beyond() - the first record whose end lies behind an offset
 * @ret_i: @n_records when there is none
 *
 * Return: 0 or what @get returned.
 */
must_check int index_find_beyond(uint64_t n_records, index_get_fn get, void *userdata,
				 uint64_t offset, uint64_t *ret_i);
