/* SPDX-License-Identifier: MIT */

/*
 * A segment as its readers see it: bytes and index records through two small windows.
 *
 * The writer may be at work. It stores a batch first and its record afterwards, and a mark always
 * comes behind the record of the bytes before it. So the length of the segment is taken first and
 * the index afterwards: bytes that have no record then belong to the life of the last one, and get
 * a record that is made up from the file's modification time. Records that are already ahead of the
 * length are left for the next time.
 */

#include "log/segment-view.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "log/store.h"

/** Bytes that are read at a time while lines are short. */
#define DATA_BYTES_MIN ((size_t)16 * 1024)

void view_init(struct segment_view *v)
{
	*v = (struct segment_view){.log_fd = -1, .index_fd = -1};
}

bool view_is_open(const struct segment_view *v)
{
	return v->log_fd >= 0;
}

void view_close(struct segment_view *v)
{
	close_fd(&v->log_fd);
	close_fd(&v->index_fd);
	free(v->records);
	free(v->data);
	view_init(v);
}

/* All of @n_bytes, or what there is before the end of the file. */
static ssize_t read_at(int fd, void *data, size_t n_bytes, uint64_t offset)
{
	size_t done = 0;

	while (done < n_bytes) {
		ssize_t n = pread(fd, (char *)data + done, n_bytes - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* --- index ------------------------------------------------------------------------------------ */

static int records_load(struct segment_view *v, uint64_t i)
{
	uint64_t first = i - i % (VIEW_RECORDS_MAX / 2);
	ssize_t n;

	if (!v->records)
		v->records = calloc(VIEW_RECORDS_MAX, sizeof(*v->records));
	if (!v->records)
		return -ENOMEM;
	v->n_held = 0;
	n = read_at(v->index_fd, v->records, VIEW_RECORDS_MAX * sizeof(*v->records),
		    index_offset_of(first));
	if (n < 0)
		return (int)n;
	v->first_record = first;
	v->n_held = (size_t)n / sizeof(*v->records);
	return i - first < v->n_held ? 0 : -EIO;
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

static int make_up_record(struct segment_view *v, const struct stat *log)
{
	usec_t at_usec =
		(usec_t)log->st_mtim.tv_sec * USEC_PER_SEC + (usec_t)log->st_mtim.tv_nsec / 1000;
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
	at_usec = MAX_OF(at_usec, index_record_at(&last));
	v->made_up = index_record_make(INDEX_DATA, v->bytes, at_usec, life);
	v->has_made_up = true;
	v->n_records++;
	return 0;
}

static int index_read(struct segment_view *v, const struct stat *log)
{
	uint64_t seq = v->header.seq;
	struct index_header header;
	struct stat st;
	int r;

	v->n_records = 0;
	v->has_made_up = false;
	v->n_held = 0;
	if (v->index_fd >= 0 &&
	    read_at(v->index_fd, &header, sizeof(header), 0) == sizeof(header) &&
	    index_header_valid(&header, seq)) {
		v->header = header;
		if (fstat(v->index_fd, &st) < 0)
			return -errno;
		v->n_records = index_records_in((uint64_t)st.st_size);
	}
	r = index_find_beyond(v->n_records, view_record, v, v->bytes, &v->n_records);
	return r < 0 ? r : make_up_record(v, log);
}

/* --- open ------------------------------------------------------------------------------------- */

int view_refresh(struct segment_view *v)
{
	struct stat log;

	if (fstat(v->log_fd, &log) < 0)
		return -errno;
	if ((uint64_t)log.st_size == v->bytes && !v->has_made_up && v->n_records > 0) {
		struct stat st;

		if (fstat(v->index_fd, &st) == 0 &&
		    index_records_in((uint64_t)st.st_size) == v->n_records)
			return 0;
	}
	v->bytes = (uint64_t)log.st_size;
	return index_read(v, &log);
}

int view_open(struct segment_view *v, const struct store *store, const struct stream_id *id,
	      uint64_t seq)
{
	int r;

	view_init(v);
	v->header.seq = seq;
	v->log_fd = store_open_file(store, id, seq, SEGMENT_FILE_LOG, O_RDONLY);
	if (v->log_fd < 0) {
		r = v->log_fd;
		v->log_fd = -1;
		return r;
	}
	v->index_fd = store_open_file(store, id, seq, SEGMENT_FILE_INDEX, O_RDONLY);
	if (v->index_fd < 0 && v->index_fd != -ENOENT) {
		r = v->index_fd;
		v->index_fd = -1;
		view_close(v);
		return r;
	}
	r = view_refresh(v);
	if (r < 0)
		view_close(v);
	return r;
}

/* --- bytes ------------------------------------------------------------------------------------ */

static int data_load(struct segment_view *v, uint64_t offset, size_t n_bytes)
{
	ssize_t n;

	if (n_bytes > v->data_room) {
		char *grown = realloc(v->data, n_bytes);

		if (!grown)
			return -ENOMEM;
		v->data = grown;
		v->data_room = n_bytes;
	}
	v->data_bytes = 0;
	n = read_at(v->log_fd, v->data, n_bytes, offset);
	if (n < 0)
		return (int)n;
	v->data_offset = offset;
	v->data_bytes = (size_t)n;
	return 0;
}

int view_bytes(struct segment_view *v, uint64_t offset, size_t wanted, const char **ret_bytes,
	       size_t *ret_n_bytes)
{
	uint64_t left = offset < v->bytes ? v->bytes - offset : 0, held = 0;
	int r;

	wanted = (size_t)MIN_OF((uint64_t)wanted, left);
	if (offset >= v->data_offset && offset - v->data_offset <= v->data_bytes)
		held = v->data_bytes - (offset - v->data_offset);
	if (held < wanted) {
		r = data_load(v, offset, MAX_OF(wanted, DATA_BYTES_MIN));
		if (r < 0)
			return r;
		held = v->data_bytes;
	}
	*ret_bytes = held ? v->data + (offset - v->data_offset) : NULL;
	*ret_n_bytes = (size_t)MIN_OF(held, left);
	return 0;
}

int view_bytes_before(struct segment_view *v, uint64_t offset, size_t wanted,
		      const char **ret_bytes, size_t *ret_n_bytes)
{
	size_t load = (size_t)MIN_OF((uint64_t)MAX_OF(wanted, DATA_BYTES_MIN), offset);
	int r;

	wanted = (size_t)MIN_OF((uint64_t)wanted, offset);
	if (offset - wanted < v->data_offset || offset > v->data_offset + v->data_bytes) {
		r = data_load(v, offset - load, load);
		if (r < 0)
			return r;
		if (v->data_bytes < load)
			return -EIO;
	}
	*ret_bytes = v->data + (offset - wanted - v->data_offset);
	*ret_n_bytes = wanted;
	return 0;
}
