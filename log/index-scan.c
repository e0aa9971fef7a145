/* SPDX-License-Identifier: MIT */

/*
 * All records of an index, one after the other, and which of them can be believed.
 *
 * Neither ends nor times go back. Where they do, either the record before is wrong or this one is,
 * and the one before the two tells which: so each record is held until the next one is known, and a
 * single wrong one does not spoil those behind it.
 */

#include "log/index-scan.h"

#include "log/blob.h"

#define CHUNK_RECORDS 512

/**
 * struct scanner - the scan while it goes on
 * @held: a record whose successor is not known yet, if @has_held
 */
struct scanner {
	struct index_scan scan;
	struct index_record held;
	bool has_held;
	index_scan_fn fn;
	void *userdata;
};

static bool record_fits(const struct index_record *before, const struct index_record *record)
{
	return record->end >= before->end && index_record_at(record) >= index_record_at(before);
}

static int scanner_accept(struct scanner *s)
{
	const struct index_record *record = &s->held;

	if (!s->has_held)
		return 0;
	s->has_held = false;
	s->scan.n_right++;
	s->scan.last = *record;
	if (index_record_kind(record) != INDEX_DROPPED)
		s->scan.life = record->value;
	return s->fn ? s->fn(record, s->userdata) : 0;
}

static int scanner_take(struct scanner *s, const struct index_record *record, uint64_t log_bytes)
{
	int r = 0;

	if (index_record_kind(record) == INDEX_KIND_COUNT || !record_fits(&s->scan.last, record)) {
		s->scan.n_wrong++;
		return 0;
	}
	if (record->end > log_bytes) {
		s->scan.n_beyond++;
		return 0;
	}
	if (s->has_held && record_fits(&s->held, record))
		r = scanner_accept(s);
	else if (s->has_held)
		s->scan.n_wrong++;
	s->held = *record;
	s->has_held = true;
	return r;
}

/* The first record behind the damage in which @offset lies; the end of the index at the latest. */
static uint64_t scan_past_damage(const struct blob *index, uint64_t offset, uint64_t index_bytes)
{
	uint64_t end = MIN_OF(blob_damage_end(index, offset), index_bytes);
	uint64_t step = sizeof(struct index_record);
	uint64_t behind = end - sizeof(struct index_header);

	return sizeof(struct index_header) + (behind + step - 1) / step * step;
}

static int scanner_run(struct scanner *s, const struct blob *index, uint64_t log_bytes)
{
	cleanup_free struct index_record *chunk = calloc(CHUNK_RECORDS, sizeof(*chunk));
	uint64_t index_bytes, offset = sizeof(struct index_header);
	usec_t at_usec;
	int r = chunk ? blob_measure(index, &index_bytes, &at_usec) : -ENOMEM;

	while (r == 0 && offset + sizeof(*chunk) <= index_bytes) {
		ssize_t n = blob_read(index, chunk, CHUNK_RECORDS * sizeof(*chunk), offset);
		size_t n_records = n > 0 ? (size_t)n / sizeof(*chunk) : 0;
		uint64_t next = offset + n_records * sizeof(*chunk);

		if (n < 0 && n != -EBADMSG)
			return (int)n;
		for (size_t i = 0; i < n_records && r == 0; i++)
			r = scanner_take(s, &chunk[i], log_bytes);
		if (n_records == 0 && !blob_is_packed(index))
			break; /* it became shorter */
		if (n_records == 0) {
			next = scan_past_damage(index, offset, index_bytes);
			s->scan.damaged_bytes += MIN_OF(next, index_bytes) - offset;
		}
		offset = next;
	}
	return r < 0 ? r : scanner_accept(s);
}

int index_scan(const struct blob *index, uint64_t log_bytes, index_scan_fn fn, void *userdata,
	       struct index_scan *ret_scan)
{
	struct scanner s = {.fn = fn, .userdata = userdata};
	int r = scanner_run(&s, index, log_bytes);

	*ret_scan = s.scan;
	return r;
}
