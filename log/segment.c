/* SPDX-License-Identifier: MIT */

/*
 * The segment that is being written: where no line is lost, repeated or torn.
 *
 * splice(2) moves the bytes from a pipe into the page cache inside one system call, and takes
 * from the pipe exactly what the file took. A SIGKILL can make that call shorter, but it cannot
 * come in between. So at each moment each byte is either in a pipe, which the keeper holds as
 * well (log/feed.c: in one of two), or in the file; the next collector goes on at the end of the
 * file with whatever the pipes still have. There is no copy of ours that could die with us, and
 * nothing to write down that could disagree with the file. Reading and writing loses what was read
 * and not yet written; tee(2) first and consuming later repeats what was not yet consumed.
 *
 * What this covers:
 * - the collector's death at any instruction (kill -9, OOM, a bug, an upgrade): all bytes, exactly
 *   once, in order; at most one batch per stream gets its stamp from the file's modification time.
 * - a kernel crash or power loss: what the kernel had not written back is gone, together with what
 *   was in the pipe. The files stay readable; records that point beyond the end are dropped.
 *
 * The offset is passed to each splice (O_APPEND is refused by it), and one process writes, which
 * the store's lock sees to. A record that the disk has no room for, or that a kill has left owing,
 * is kept, and it is written before a further batch is taken or another segment begun: so every
 * byte of a stream but its last batch always has a record.
 *
 * The bytes' file is locked while it is written, so that the housekeeper does not pack it
 * (log/packing.c).
 */

#include "log/segment.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "lib/clock.h"

#include "log/store.h"

/** What has to find room for a disk not to be full: a block of most file systems. */
#define ROOM_BYTES 4096

void segment_init(struct segment *s)
{
	*s = (struct segment){.log_fd = -1, .index_fd = -1};
}

bool segment_is_open(const struct segment *s)
{
	return s->log_fd >= 0;
}

void segment_close(struct segment *s)
{
	close_fd(&s->log_fd);
	close_fd(&s->index_fd);
	segment_init(s);
}

/* --- records ---------------------------------------------------------------------------------- */

/* All or nothing: a part of a record is no record, and the next try begins at the same offset. */
static int write_at(int fd, const void *data, size_t n_bytes, uint64_t offset)
{
	ssize_t n;

	do
		n = pwrite(fd, data, n_bytes, (off_t)offset);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == n_bytes ? 0 : -ENOSPC;
}

static int record_write(struct segment *s, const struct index_record *record)
{
	int r = write_at(s->index_fd, record, sizeof(*record), s->index_bytes);

	if (r < 0)
		return r;
	if (s->index_bytes == sizeof(struct index_header))
		s->first_at_usec = index_record_at(record);
	s->index_bytes += sizeof(*record);
	return 0;
}

int segment_settle(struct segment *s)
{
	int r;

	if (!s->has_pending)
		return 0;
	r = record_write(s, &s->pending);
	if (r == 0)
		s->has_pending = false;
	return r;
}

/* The time now, held where the clock was turned back. */
static usec_t stamp_now(struct segment *s)
{
	usec_t now = clock_at_usec();

	if (now < s->at_usec)
		s->stepped_back |= s->at_usec - now > INDEX_STEP_BACK_USEC;
	else
		s->at_usec = now;
	return s->at_usec;
}

int segment_mark(struct segment *s, enum index_kind kind, uint64_t value)
{
	struct index_record record;
	int r = segment_settle(s);

	if (r < 0)
		return r;
	record = index_record_make(kind, s->bytes, stamp_now(s), value);
	r = record_write(s, &record);
	if (r == 0 && kind != INDEX_DROPPED) {
		s->life = value;
		s->life_open = kind == INDEX_BEGIN;
		s->mark_bytes = s->bytes;
	}
	return r;
}

ssize_t segment_splice(struct segment *s, int pipe_fd, size_t max_bytes, uint64_t life)
{
	off_t offset = (off_t)s->bytes;
	ssize_t n = segment_settle(s);

	if (n < 0)
		return n;
	n = splice(pipe_fd, NULL, s->log_fd, &offset, max_bytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n <= 0)
		return n < 0 ? -errno : 0;
	s->bytes += (uint64_t)n;
	s->pending = index_record_make(INDEX_DATA, s->bytes, stamp_now(s), life);
	s->has_pending = true;
	ignore_result(segment_settle(s)); /* a failure comes back before the next batch */
	return n;
}

bool segment_has_room(struct segment *s)
{
	/* The next bytes get the block that this takes; some file systems cannot say. */
	return fallocate(s->log_fd, FALLOC_FL_KEEP_SIZE, (off_t)s->bytes, ROOM_BYTES) == 0 ||
	       errno == EOPNOTSUPP;
}

bool segment_at_line_end(const struct segment *s)
{
	char last;

	if (s->bytes == s->mark_bytes)
		return true;
	return pread(s->log_fd, &last, 1, (off_t)s->bytes - 1) == 1 && last == '\n';
}

/* --- begin and go on -------------------------------------------------------------------------- */

static int files_create(struct segment *s, const struct store *store, const struct stream_id *id,
			const struct index_header *header)
{
	int r;

	s->index_fd = store_open_file(store, id, header->seq, SEGMENT_FILE_INDEX,
				      O_RDWR | O_CREAT | O_TRUNC);
	if (s->index_fd < 0)
		return s->index_fd;
	r = write_at(s->index_fd, header, sizeof(*header), 0);
	if (r < 0)
		return r;
	s->log_fd = store_open_file(store, id, header->seq, SEGMENT_FILE_LOG,
				    O_RDWR | O_CREAT | O_EXCL);
	if (s->log_fd < 0)
		return s->log_fd;
	return flock(s->log_fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
}

int segment_create(struct segment *s, const struct store *store, const struct stream_id *id,
		   const struct index_header *header)
{
	struct segment made;
	int r;

	/* The files of a segment that is there must be neither emptied nor deleted. */
	if (store_has_segment(store, id, header->seq))
		return -EEXIST;
	segment_init(&made);
	r = files_create(&made, store, id, header);
	if (r < 0) {
		segment_close(&made);
		if (r != -EEXIST)
			ignore_result(store_delete(store, id, header->seq));
		return r;
	}
	made.seq = header->seq;
	made.base_bytes = header->base_bytes;
	made.life = header->life;
	made.life_open = header->life != 0;
	made.index_bytes = sizeof(*header);
	*s = made;
	return 0;
}

static int record_get(void *userdata, uint64_t i, struct index_record *ret_record)
{
	const struct segment *s = userdata;
	ssize_t n = pread(s->index_fd, ret_record, sizeof(*ret_record), (off_t)index_offset_of(i));

	if (n < 0)
		return -errno;
	return n == sizeof(*ret_record) ? 0 : -EIO;
}

/* What the last records say about life and time; a mark of dropped bytes stands between two. */
static int history_read(struct segment *s, uint64_t n_records)
{
	struct index_record record;
	int r;

	for (uint64_t i = n_records; i > 0; i--) {
		enum index_kind kind;

		r = record_get(s, i - 1, &record);
		if (r < 0)
			return r;
		s->at_usec = MAX_OF(s->at_usec, index_record_at(&record));
		kind = index_record_kind(&record);
		if (kind == INDEX_DROPPED)
			continue;
		s->life = record.value;
		s->life_open = kind != INDEX_END;
		if (kind != INDEX_DATA)
			s->mark_bytes = record.end;
		break;
	}
	return 0;
}

static int index_rebuild(struct segment *s, uint64_t seq)
{
	struct index_header header = {.magic = INDEX_MAGIC,
				      .version = INDEX_VERSION,
				      .seq = seq,
				      .created_at_usec = clock_at_usec()};

	if (ftruncate(s->index_fd, 0) < 0)
		return -errno;
	return write_at(s->index_fd, &header, sizeof(header), 0);
}

/* Drop what points beyond the end, and give bytes without a record one. */
static int index_repair(struct segment *s, const struct stat *log, uint64_t index_bytes)
{
	uint64_t n_records = index_records_in(index_bytes), n_valid;
	struct index_record first = {0}, last = {0};
	usec_t at_usec =
		(usec_t)log->st_mtim.tv_sec * USEC_PER_SEC + (usec_t)log->st_mtim.tv_nsec / 1000;
	int r;

	r = index_find_beyond(n_records, record_get, s, s->bytes, &n_valid);
	if (r == 0 && n_valid > 0)
		r = record_get(s, 0, &first);
	if (r == 0 && n_valid > 0)
		r = record_get(s, n_valid - 1, &last);
	if (r == 0)
		r = history_read(s, n_valid);
	if (r < 0)
		return r;
	s->first_at_usec = index_record_at(&first);
	s->index_bytes = index_offset_of(n_valid);
	if (s->index_bytes < index_bytes && ftruncate(s->index_fd, (off_t)s->index_bytes) < 0)
		return -errno;
	if (last.end < s->bytes) {
		s->at_usec = MAX_OF(s->at_usec, at_usec);
		s->pending = index_record_make(INDEX_DATA, s->bytes, s->at_usec, s->life);
		s->has_pending = true;
	}
	return 0;
}

static int files_open(struct segment *s, const struct store *store, const struct stream_id *id)
{
	struct index_header header;
	struct stat log, index;
	int r;

	s->log_fd = store_open_file(store, id, s->seq, SEGMENT_FILE_LOG, O_RDWR);
	if (s->log_fd < 0)
		return s->log_fd;
	/* It is being packed, or was while we opened it. */
	if (flock(s->log_fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -ENOENT : -errno;
	if (fstat(s->log_fd, &log) < 0 || log.st_nlink == 0)
		return -ENOENT;
	s->index_fd = store_open_file(store, id, s->seq, SEGMENT_FILE_INDEX, O_RDWR | O_CREAT);
	if (s->index_fd < 0)
		return s->index_fd;
	if (fstat(s->log_fd, &log) < 0 || fstat(s->index_fd, &index) < 0)
		return -errno;
	s->bytes = (uint64_t)log.st_size;
	if (pread(s->index_fd, &header, sizeof(header), 0) != sizeof(header) ||
	    !index_header_valid(&header, s->seq)) {
		r = index_rebuild(s, s->seq);
		return r < 0 ? r : index_repair(s, &log, sizeof(header));
	}
	s->base_bytes = header.base_bytes;
	s->life = header.life;
	s->life_open = header.life != 0;
	return index_repair(s, &log, (uint64_t)index.st_size);
}

int segment_open(struct segment *s, const struct store *store, const struct stream_id *id,
		 uint64_t seq)
{
	struct segment opened;
	int r;

	segment_init(&opened);
	opened.seq = seq;
	r = files_open(&opened, store, id);
	if (r < 0) {
		segment_close(&opened);
		return r;
	}
	*s = opened;
	return 0;
}
