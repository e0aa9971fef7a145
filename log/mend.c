/* SPDX-License-Identifier: MIT */

/*
 * Mending: what stands beside the bytes of a service is made anew, the bytes never change.
 *
 * It is done beside a running collector. The housekeeper's lock is held all the time, so nothing is
 * packed, synced or cleaned up; a plain segment is locked as its writer locks it, so one that is
 * written is left alone, and a collector that would go on with it begins a new one instead. The
 * newest segment of a stream is only changed while there is no collector; one that starts waits for
 * that one change, and not for the end of the walk. Retention may delete a segment under our hands,
 * as always: then the index that was made for it goes as well, and a packed file that was written
 * anew does not take its place.
 *
 * What is made has the segment's times and owner, and gets its name by rename(2) when the disk has
 * it.
 */

#include "log/mend.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "lib/error.h"
#include "lib/fd.h"
#include "lib/log.h"

#include "log/blob.h"
#include "log/examine.h"
#include "log/index-scan.h"
#include "log/packed.h"
#include "log/store.h"

/* The housekeeper's names: what a kill leaves of us is removed by its next pass. */
#define SCRATCH ".idx.part"
#define SCRATCH_PACKED ".log.part"
#define SKIPPABLE_MAGIC 0x184d2a5eu
#define INDEX_FRAME_BYTES ((size_t)32 * 1024)
#define COPY_BYTES_MAX ((size_t)1024 * 1024)

int mender_begin(struct mender *m, const struct store *store, struct error *err)
{
	int r;

	*m = (struct mender){.store = store, .lock_fd = -1};
	m->lock_fd = openat(store->dir_fd, ".housekeeper", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (m->lock_fd < 0)
		return error_set(err, -errno, "cannot write into \"%s\": %m", store->path);
	r = flock(m->lock_fd, LOCK_EX | LOCK_NB);
	if (r < 0 && errno == EWOULDBLOCK)
		log_notice("the housekeeper packs segments; waiting for the end of its pass");
	while (r < 0 && (r = flock(m->lock_fd, LOCK_EX)) < 0)
		if (errno != EINTR)
			return error_set(err, -errno, "cannot lock \"%s\": %m", store->path);
	return 0;
}

void mender_done(struct mender *m)
{
	close_fd(&m->lock_fd);
}

static int folder_open(const struct mender *m, const struct examined *e)
{
	int fd = openat(m->store->dir_fd, e->entry.id.service,
			O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

static int scratch_open(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);

	return fd < 0 ? -errno : fd;
}

static int lock_now(int fd)
{
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return 0;
}

/*
 * The right to change what belongs to a segment, for as long as both descriptors are open. What a
 * collector has written since it was examined would be left out.
 */
static int segment_lock(const struct mender *m, const struct examined *e, int *store_fd,
			int *segment_fd)
{
	struct stat st;
	int r;

	if (e->is_newest) {
		*store_fd = openat(m->store->dir_fd, ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		r = lock_now(*store_fd);
		if (r < 0)
			return r;
	}
	*segment_fd = store_open_file(m->store, &e->entry.id, e->entry.seq,
				      e->entry.packed ? SEGMENT_FILE_LOG_PACKED : SEGMENT_FILE_LOG,
				      O_RDONLY);
	if (*segment_fd < 0)
		return *segment_fd;
	r = lock_now(*segment_fd);
	if (r == 0 && fstat(*segment_fd, &st) < 0)
		r = -errno;
	if (r == 0 && !e->entry.packed && (uint64_t)st.st_size != e->bytes)
		r = -EBUSY;
	return r;
}

/* What root mends in the store of somebody else stays theirs. */
static int give_to_owner(int fd, const struct stat *st)
{
	if (st->st_uid != geteuid() && fchown(fd, st->st_uid, st->st_gid) < 0)
		return -errno;
	return fchmod(fd, st->st_mode & ACCESSPERMS) < 0 ? -errno : 0;
}

/* A scratch file gets the times and the owner of the segment, and the disk has it. */
static int complete(int scratch_fd, int segment_fd)
{
	struct timespec times[2];
	struct stat st;
	int r;

	if (fstat(segment_fd, &st) < 0)
		return -errno;
	r = give_to_owner(scratch_fd, &st);
	if (r < 0)
		return r;
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	return futimens(scratch_fd, times) < 0 || fdatasync(scratch_fd) < 0 ? -errno : 0;
}

static int publish(int dir_fd, const char *scratch, const char *name)
{
	return renameat(dir_fd, scratch, dir_fd, name) < 0 || fsync(dir_fd) < 0 ? -errno : 0;
}

/* The same for a file that must be there: what retention deletes meanwhile does not come back. */
static int exchange(int dir_fd, const char *scratch, const char *name)
{
	if (renameat2(dir_fd, scratch, dir_fd, name, RENAME_EXCHANGE) < 0)
		return errno == EINVAL ? publish(dir_fd, scratch, name) : -errno;
	return fsync(dir_fd) < 0 ? -errno : 0;
}

/* --- an index --------------------------------------------------------------------------------- */

static int on_record(const struct index_record *record, void *userdata)
{
	const int *fd = userdata;

	return fd_write_all(*fd, record, sizeof(*record));
}

static int old_records_copy(const struct mender *m, const struct examined *e, int to_fd,
			    struct index_scan *ret_scan)
{
	struct blob old;
	int r = blob_open(&old, m->store, &e->entry.id, e->entry.seq, BLOB_INDEX);

	*ret_scan = (struct index_scan){0};
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = index_scan(&old, e->bytes, on_record, &to_fd, ret_scan);
	blob_close(&old);
	return r;
}

/* Bytes at the end that have no record get the time of the newest of them, which is the file's. */
static int index_write(const struct mender *m, const struct examined *e,
		       const struct index_header *header, int to_fd)
{
	struct index_record rest;
	struct index_scan scan;
	int r = fd_write_all(to_fd, header, sizeof(*header));

	if (r < 0)
		return r;
	r = old_records_copy(m, e, to_fd, &scan);
	if (r < 0 || scan.last.end >= e->bytes)
		return r;
	rest = index_record_make(INDEX_DATA, e->bytes,
				 MAX_OF(e->entry.at_usec, index_record_at(&scan.last)),
				 scan.life ?: header->life);
	return fd_write_all(to_fd, &rest, sizeof(rest));
}

static int index_publish(const struct examined *e, int dir_fd, int plain_fd, int segment_fd)
{
	cleanup_close int packed_fd = -1;
	char name[SEGMENT_NAME_MAX];
	uint64_t bytes;
	int r;

	if (!e->entry.packed) {
		segment_name(&e->entry.id, e->entry.seq, SEGMENT_FILE_INDEX, name);
		r = complete(plain_fd, segment_fd);
		return r < 0 ? r : publish(dir_fd, SCRATCH, name);
	}
	segment_name(&e->entry.id, e->entry.seq, SEGMENT_FILE_INDEX_PACKED, name);
	packed_fd = scratch_open(dir_fd, SCRATCH_PACKED);
	if (packed_fd < 0)
		return packed_fd;
	r = packed_pack(plain_fd, packed_fd, INDEX_FRAME_BYTES, UINT64_MAX, false, &bytes);
	if (r == 0)
		r = complete(packed_fd, segment_fd);
	return r < 0 ? r : publish(dir_fd, SCRATCH_PACKED, name);
}

static void scratches_remove(int dir_fd)
{
	(void)unlinkat(dir_fd, SCRATCH, 0);
	(void)unlinkat(dir_fd, SCRATCH_PACKED, 0);
}

int mend_index(const struct mender *m, const struct examined *e, const struct index_header *header)
{
	cleanup_close int dir_fd = folder_open(m, e);
	cleanup_close int store_fd = -1;
	cleanup_close int segment_fd = -1;
	cleanup_close int fd = -1;
	struct stat st;
	int r = dir_fd < 0 ? dir_fd : segment_lock(m, e, &store_fd, &segment_fd);

	if (r < 0)
		return r;
	fd = scratch_open(dir_fd, SCRATCH);
	r = fd < 0 ? fd : index_write(m, e, header, fd);
	if (r == 0)
		r = index_publish(e, dir_fd, fd, segment_fd);
	scratches_remove(dir_fd);
	if (r == 0 && fstat(segment_fd, &st) == 0 && st.st_nlink == 0)
		return store_delete(m->store, &e->entry.id, e->entry.seq);
	return r;
}

/* --- a seek table, and the numbers of lines before it ----------------------------------------- */

/* Whether behind the frames there is nothing but what is left of a table. */
static int table_is_all_that_is_lost(const struct packed *p)
{
	size_t n_frames = p->table.n_frames, table_bytes = seek_table_text_bytes(n_frames, 8);
	uint64_t end = seek_table_begin(&p->table, n_frames), behind;
	uint32_t magic = 0;
	struct stat st;
	char byte;
	ssize_t n;

	if (fstat(p->fd, &st) < 0)
		return -errno;
	n = fd_read_at(p->fd, &magic, sizeof(magic), end);
	if (n < 0)
		return (int)n;
	behind = (uint64_t)st.st_size - end;
	if ((uint64_t)st.st_size > end && n == sizeof(magic) && magic != SKIPPABLE_MAGIC &&
	    behind != table_bytes && behind != table_bytes + line_table_text_bytes(n_frames))
		return -EBADMSG;
	n = p->table.bytes > 0 ? packed_read(p, &byte, 1, p->table.bytes - 1) : -EBADMSG;
	return n < 0 ? (int)n : 0;
}

static int frames_copy(const struct packed *p, int to_fd)
{
	uint64_t end = seek_table_begin(&p->table, p->table.n_frames), at = 0;
	cleanup_free char *bytes = malloc(COPY_BYTES_MAX);
	int r = bytes ? 0 : -ENOMEM;

	while (r == 0 && at < end) {
		ssize_t n = fd_read_at(p->fd, bytes,
				       (size_t)MIN_OF(end - at, (uint64_t)COPY_BYTES_MAX), at);

		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		r = fd_write_all(to_fd, bytes, (size_t)n);
		at += (uint64_t)n;
	}
	return r;
}

static int tables_append(const struct packed *p, int to_fd)
{
	struct line_table lines = {0};
	int r = 0;

	for (size_t i = 0; i < p->table.n_frames && (r == 0 || r == -EBADMSG); i++)
		r = packed_count(p, i, &lines);
	line_table_end(&lines);
	if (r == 0 || r == -EBADMSG)
		r = packed_write_tables(&p->table, &lines, to_fd);
	line_table_done(&lines);
	return r;
}

static int table_rewrite(const struct packed *p, int dir_fd, const char *name)
{
	cleanup_close int fd = -1;
	int r = p->is_rebuilt ? table_is_all_that_is_lost(p) : 0;

	if (r < 0)
		return r;
	fd = scratch_open(dir_fd, SCRATCH);
	r = fd < 0 ? fd : frames_copy(p, fd);
	if (r == 0)
		r = tables_append(p, fd);
	if (r == 0)
		r = complete(fd, p->fd);
	if (r == 0)
		r = exchange(dir_fd, SCRATCH, name);
	scratches_remove(dir_fd);
	return r == -ENOENT ? 0 : r;
}

int mend_table(const struct mender *m, const struct examined *e, const struct fault *fault)
{
	cleanup_close int dir_fd = folder_open(m, e);
	char name[SEGMENT_NAME_MAX];
	struct packed packed;
	int fd, r;

	if (dir_fd < 0)
		return steal_fd(&dir_fd);
	fd = store_open_file(m->store, &e->entry.id, fault->seq, fault->file, O_RDONLY);
	if (fd < 0)
		return fd;
	r = packed_open(&packed, fd, m->store->frames);
	if (r < 0)
		return r;
	r = packed.is_rebuilt || packed.has_lost_lines
		    ? table_rewrite(&packed, dir_fd,
				    segment_name(&e->entry.id, fault->seq, fault->file, name))
		    : 0;
	packed_close(&packed);
	return r;
}

int mend_remove(const struct mender *m, const struct fault *fault)
{
	return unlinkat(m->store->dir_fd, fault->path, 0) < 0 && errno != ENOENT ? -errno : 0;
}
