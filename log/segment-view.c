/* SPDX-License-Identifier: MIT */

/*
 * A segment as its readers see it: bytes and index records through two small windows.
 *
 * The writer may be at work. It stores a batch first and its record afterwards, and a mark always
 * comes behind the record of the bytes before it. So the length of the segment is taken first and
 * the index afterwards: bytes that have no record then belong to the life of the last one, and get
 * a record that is made up from the file's modification time. Records that are already ahead of the
 * length are left for the next time.
 *
 * A segment that was packed does not grow. What is damaged in it has a beginning and an end, and
 * whoever reads goes on behind it; what its index says beyond its bytes was lost, too. A damaged
 * part of an index costs stamps and no bytes: they count as one batch with the next record that is
 * whole.
 */

#include "log/segment-view.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "lib/fd.h"

#include "log/store.h"

/** Bytes that are read at a time while lines are short. */
#define DATA_BYTES_MIN ((size_t)16 * 1024)

void view_init(struct segment_view *v)
{
	*v = (struct segment_view){0};
	blob_init(&v->log);
	blob_init(&v->index);
}

bool view_is_open(const struct segment_view *v)
{
	return blob_is_open(&v->log);
}

void view_close(struct segment_view *v)
{
	blob_close(&v->log);
	blob_close(&v->index);
	free(v->records);
	free(v->data);
	view_init(v);
}

/* --- index ------------------------------------------------------------------------------------ */

/* Bytes whose record is damaged came at the latest with those of @next; 0: life unknown. */
static struct index_record record_instead(const struct index_record *next)
{
	bool has_life = index_record_kind(next) != INDEX_DROPPED;

	return index_record_make(INDEX_DATA, next->end, index_record_at(next),
				 has_life ? next->value : 0);
}

/* Made from the first record behind the damage in which record @i lies, or the segment's end. */
static int record_behind_damage(struct segment_view *v, uint64_t i, struct index_record *ret_record)
{
	uint64_t end, index_bytes;
	usec_t at_usec;
	ssize_t n;
	int r = blob_measure(&v->index, &index_bytes, &at_usec);

	for (; r == 0 && i < index_records_in(index_bytes); i++) {
		n = blob_read(&v->index, ret_record, sizeof(*ret_record), index_offset_of(i));
		if (n == sizeof(*ret_record)) {
			*ret_record = record_instead(ret_record);
			return 0;
		}
		if (n < 0 && n != -EBADMSG)
			return (int)n;
		end = blob_damage_end(&v->index, index_offset_of(i) + (uint64_t)MAX_OF(n, 0));
		i = MAX_OF(i, index_records_in(end));
	}
	*ret_record = index_record_make(INDEX_DATA, v->bytes, v->at_usec, 0);
	return r;
}

static int records_load(struct segment_view *v, uint64_t i)
{
	uint64_t first = i - i % (VIEW_RECORDS_MAX / 2);
	ssize_t n;
	int r;

	if (!v->records)
		v->records = calloc(VIEW_RECORDS_MAX, sizeof(*v->records));
	if (!v->records)
		return -ENOMEM;
	v->n_held = 0;
	v->first_record = first;
	n = blob_read(&v->index, v->records, VIEW_RECORDS_MAX * sizeof(*v->records),
		      index_offset_of(first));
	if (n < 0 && n != -EBADMSG)
		return (int)n;
	v->n_held = (size_t)MAX_OF(n, 0) / sizeof(*v->records);
	if (i - first < v->n_held)
		return 0;
	if (!blob_is_packed(&v->index))
		return -EIO;
	r = record_behind_damage(v, i, v->records);
	v->first_record = i;
	v->n_held = 1;
	return r;
}

int view_record(void *view, uint64_t i, struct index_record *ret_record)
{
	struct segment_view *v = view;
	int r;

	if (v->has_made_up && i + 1 == v->n_records) {
		*ret_record = v->made_up;
		return 0;
	}
	if (i < v->first_record || i - v->first_record >= v->n_held) {
		r = records_load(v, i);
		if (r < 0)
			return r;
	}
	*ret_record = v->records[i - v->first_record];
	return 0;
}

/* Life of the last record that knows one; left alone when none does. */
static int life_before(struct segment_view *v, uint64_t *ret_life)
{
	struct index_record record;

	for (uint64_t i = v->n_records; i > 0; i--) {
		int r = view_record(v, i - 1, &record);

		if (r < 0)
			return r;
		if (index_record_kind(&record) == INDEX_DROPPED)
			continue;
		*ret_life = record.value;
		break;
	}
	return 0;
}

static int make_up_record(struct segment_view *v)
{
	struct index_record last = {0};
	uint64_t life = v->header.life;
	int r = 0;

	if (v->n_records > 0)
		r = view_record(v, v->n_records - 1, &last);
	if (r == 0 && last.end >= v->bytes)
		return 0;
	if (r == 0)
		r = life_before(v, &life);
	if (r < 0)
		return r;
	v->made_up = index_record_make(INDEX_DATA, v->bytes,
				       MAX_OF(v->at_usec, index_record_at(&last)), life);
	v->has_made_up = true;
	v->n_records++;
	return 0;
}

/* Return: records in the index file, or negative errno. */
static int index_measure(struct segment_view *v, uint64_t *ret_n_records)
{
	struct index_header header;
	uint64_t bytes = 0;
	usec_t at_usec;
	ssize_t n;
	int r;

	*ret_n_records = 0;
	if (!blob_is_open(&v->index))
		return 0;
	n = blob_read(&v->index, &header, sizeof(header), 0);
	if (n == sizeof(header) && index_header_valid(&header, v->header.seq))
		v->header = header;
	else if (n != -EBADMSG)
		return 0;
	r = blob_measure(&v->index, &bytes, &at_usec);
	*ret_n_records = index_records_in(bytes);
	return r;
}

static int index_read(struct segment_view *v)
{
	struct index_record last;
	int r;

	v->has_made_up = false;
	v->n_held = 0;
	r = index_measure(v, &v->n_records);
	if (r == 0 && blob_is_packed(&v->log) && v->n_records > 0) {
		r = view_record(v, v->n_records - 1, &last);
		if (r == 0)
			v->bytes = MAX_OF(v->bytes, last.end);
	}
	if (r == 0)
		r = index_find_beyond(v->n_records, view_record, v, v->bytes, &v->n_records);
	return r < 0 ? r : make_up_record(v);
}

/* --- open ------------------------------------------------------------------------------------- */

static bool view_is_current(const struct segment_view *v, uint64_t bytes)
{
	uint64_t index_bytes;
	usec_t at_usec;

	return bytes == v->bytes && !v->has_made_up && v->n_records > 0 &&
	       blob_measure(&v->index, &index_bytes, &at_usec) == 0 &&
	       index_records_in(index_bytes) == v->n_records;
}

int view_refresh(struct segment_view *v)
{
	uint64_t bytes;
	int r = blob_measure(&v->log, &bytes, &v->at_usec);

	if (r < 0 || view_is_current(v, bytes))
		return r;
	v->bytes = bytes;
	return index_read(v);
}

int view_open(struct segment_view *v, const struct store *store, const struct stream_id *id,
	      uint64_t seq)
{
	int r;

	view_init(v);
	v->header.seq = seq;
	r = blob_open(&v->log, store, id, seq, BLOB_LOG);
	if (r < 0)
		return r;
	r = blob_open(&v->index, store, id, seq, BLOB_INDEX);
	if (r == 0 || r == -ENOENT)
		r = view_refresh(v);
	if (r < 0)
		view_close(v);
	return r;
}

/* --- bytes ------------------------------------------------------------------------------------ */

/* Read what there is before the next damage; -EBADMSG when there is nothing. */
static int data_load(struct segment_view *v, uint64_t offset, size_t n_bytes)
{
	ssize_t n;

	if (n_bytes > v->data_room) {
		size_t room = MAX_OF(n_bytes, DATA_BYTES_MIN);
		char *grown = realloc(v->data, room);

		if (!grown)
			return -ENOMEM;
		v->data = grown;
		v->data_room = room;
	}
	v->data_bytes = 0;
	n = blob_read(&v->log, v->data, n_bytes, offset);
	if (n < 0)
		return (int)n;
	v->data_offset = offset;
	v->data_bytes = (size_t)n;
	return 0;
}

int view_bytes(struct segment_view *v, uint64_t offset, size_t wanted, const char **ret_bytes,
	       uint64_t *ret_n_bytes)
{
	uint64_t left = offset < v->bytes ? v->bytes - offset : 0, held = 0;
	int r;

	wanted = (size_t)MIN_OF((uint64_t)wanted, left);
	if (offset >= v->data_offset && offset - v->data_offset <= v->data_bytes)
		held = v->data_bytes - (offset - v->data_offset);
	if (held < wanted) {
		r = data_load(v, offset, MAX_OF(wanted, DATA_BYTES_MIN));
		if (r == -EBADMSG) {
			*ret_n_bytes = MIN_OF(blob_damage_end(&v->log, offset) - offset, left);
			return VIEW_DAMAGED;
		}
		if (r < 0)
			return r;
		held = v->data_bytes;
	}
	*ret_bytes = held ? v->data + (offset - v->data_offset) : NULL;
	*ret_n_bytes = MIN_OF(held, left);
	return 0;
}

int view_bytes_before(struct segment_view *v, uint64_t offset, size_t wanted,
		      const char **ret_bytes, uint64_t *ret_n_bytes)
{
	size_t load = (size_t)MIN_OF((uint64_t)MAX_OF(wanted, DATA_BYTES_MIN), offset);
	uint64_t from = offset - MIN_OF((uint64_t)wanted, offset);
	int r;

	if (from < v->data_offset || offset > v->data_offset + v->data_bytes) {
		uint64_t readable;

		r = blob_readable_from(&v->log, offset - load, offset, &readable);
		if (r < 0)
			return r;
		if (readable == offset && from < offset) {
			*ret_n_bytes = offset - blob_damage_begin(&v->log, offset);
			return VIEW_DAMAGED;
		}
		r = data_load(v, readable, (size_t)(offset - readable));
		if (r < 0)
			return r;
		if (v->data_bytes < offset - readable)
			return -EIO;
		from = MAX_OF(from, readable);
	}
	*ret_bytes = v->data + (from - v->data_offset);
	*ret_n_bytes = offset - from;
	return 0;
}
