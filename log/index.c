/* SPDX-License-Identifier: MIT */

/*
 * The index: when the bytes of a segment came.
 *
 * One record for each splice, written after it, so a kill between the two leaves bytes without a
 * record and never a record without bytes. Whoever opens the segment next gives such bytes one
 * stamp (the file's modification time, which is when the lost splice took place). After a power
 * loss the page cache may have kept the index and not the bytes: records that point beyond the
 * segment's end are dropped. Times are held, never turned back, inside one segment: that is what
 * makes the binary search below right; a clock that was really set back begins a new segment.
 *
 * There are no numbers of lines in it, because whoever writes never sees the bytes. Who packs a
 * segment sees them, and counts the lines of each frame (log/line-table.c). So who asks for the
 * last lines before a time need not pass them first: the first of 100,000 comes after 8 ms instead
 * of 25 to 33, that of a million after 6 ms instead of 140 or more (the least of seven, in turns on
 * a busy machine; what is left is the way to the place in its frame). To print all of them takes as
 * long as ever, but for a tenth at the most. What a filter chooses has to be read, and so has what
 * is not packed yet, and what a follower was too slow for.
 */

#include "log/index.h"

#define STAMP_KIND_SHIFT 56
#define STAMP_AT_MASK ((UINT64_C(1) << STAMP_KIND_SHIFT) - 1)

struct index_record index_record_make(enum index_kind kind, uint64_t end, usec_t at_usec,
				      uint64_t value)
{
	return (struct index_record){
		.end = end,
		.stamp = (uint64_t)kind << STAMP_KIND_SHIFT | (at_usec & STAMP_AT_MASK),
		.value = value,
	};
}

enum index_kind index_record_kind(const struct index_record *r)
{
	uint64_t kind = r->stamp >> STAMP_KIND_SHIFT;

	return kind < INDEX_KIND_COUNT ? (enum index_kind)kind : INDEX_KIND_COUNT;
}

usec_t index_record_at(const struct index_record *r)
{
	return r->stamp & STAMP_AT_MASK;
}

bool index_header_valid(const struct index_header *h, uint64_t seq)
{
	return h->magic == INDEX_MAGIC && h->version == INDEX_VERSION && h->seq == seq;
}

uint64_t index_records_in(uint64_t file_bytes)
{
	if (file_bytes < sizeof(struct index_header))
		return 0;
	return (file_bytes - sizeof(struct index_header)) / sizeof(struct index_record);
}

uint64_t index_offset_of(uint64_t i)
{
	return sizeof(struct index_header) + i * sizeof(struct index_record);
}

int index_find_at(uint64_t n_records, index_get_fn get, void *userdata, usec_t at_usec,
		  uint64_t *ret_i)
{
	uint64_t low = 0, high = n_records;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		struct index_record record;
		int r = get(userdata, middle, &record);

		if (r < 0)
			return r;
		if (index_record_at(&record) < at_usec)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_i = low;
	return 0;
}

int index_find_beyond(uint64_t n_records, index_get_fn get, void *userdata, uint64_t offset,
		      uint64_t *ret_i)
{
	uint64_t low = 0, high = n_records;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		struct index_record record;
		int r = get(userdata, middle, &record);

		if (r < 0)
			return r;
		if (record.end <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_i = low;
	return 0;
}
