/* SPDX-License-Identifier: MIT */

/*
 * A plain segment becomes a packed one, and is there at each moment in between.
 *
 * Both files are packed under names of no meaning, the disk has to say that it has them, then they
 * get their names, the index first, and only when the folder is on the disk as well the plain ones
 * go. Whoever is killed anywhere in that leaves a plain segment, or a plain and a packed one, or a
 * packed one and an old index; the next pass goes on from there.
 *
 * When the power goes, a plain file that nobody has synced may come back shorter beside the packed
 * one, which is whole: packing it again would lose what the disk had. So a packed one that holds as
 * much as the plain one is not made again. A plain one holds more where it was written again since.
 *
 * Retention may delete the segment at any time. It deletes the plain file first and the packed one
 * second, we make the packed one first and delete the plain one second: so whichever of us finds
 * the plain file gone knows of the other and removes what is left.
 *
 * A segment that is being written is locked by its writer (log/segment.c) and left alone. That
 * matters only where a stream goes on with a segment that was not its newest a moment ago, because
 * retention took the newer ones.
 *
 * A packed file takes no more than half of what is free on the disk: the rest is for what services
 * print.
 */

#include "log/packing.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "lib/fd.h"

#include "log/frame.h"
#include "log/packed.h"
#include "log/store.h"

/** An index is searched, so its frames are smaller: a look at one record unpacks that much. */
#define INDEX_FRAME_BYTES ((size_t)32 * 1024)

/** enum part - the two files of a segment */
enum part {
	PART_LOG,
	PART_INDEX,
	PART_COUNT,
};

static const struct {
	const char *scratch;
	enum segment_file plain, packed;
	size_t frame_bytes;
	bool has_lines;
} parts[] = {
	[PART_LOG] = {".log.part", SEGMENT_FILE_LOG, SEGMENT_FILE_LOG_PACKED, FRAME_BYTES_MAX,
		      true},
	[PART_INDEX] = {".idx.part", SEGMENT_FILE_INDEX, SEGMENT_FILE_INDEX_PACKED,
			INDEX_FRAME_BYTES, false},
};

void packing_clean(int dir_fd)
{
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		(void)unlinkat(dir_fd, parts[i].scratch, 0);
}

static uint64_t room_bytes(int fd)
{
	struct statvfs fs;

	if (fstatvfs(fd, &fs) < 0)
		return 0;
	/* One that does not know its size does not know what is free either. */
	return fs.f_blocks > 0 ? (uint64_t)fs.f_bavail * fs.f_frsize / 2 : UINT64_MAX;
}

/* Pack one file under its scratch name, with the times of the plain one, and have it on the disk.
 */
static int part_make(int dir_fd, enum part part, int plain_fd, uint64_t *ret_bytes)
{
	cleanup_close int fd = openat(dir_fd, parts[part].scratch,
				      O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	struct timespec times[2];
	struct stat st;
	int r;

	if (fd < 0 || fstat(plain_fd, &st) < 0)
		return -errno;
	r = packed_pack(plain_fd, fd, parts[part].frame_bytes, room_bytes(fd),
			parts[part].has_lines, ret_bytes);
	if (r < 0)
		return r;
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	return futimens(fd, times) < 0 || fdatasync(fd) < 0 ? -errno : 0;
}

static const char *part_name(const struct store_entry *entry, enum segment_file file,
			     char buf[static SEGMENT_NAME_MAX])
{
	return segment_name(&entry->id, entry->seq, file, buf);
}

static int part_remove(int dir_fd, const struct store_entry *entry, enum segment_file file)
{
	char name[SEGMENT_NAME_MAX];

	return unlinkat(dir_fd, part_name(entry, file, name), 0) < 0 ? -errno : 0;
}

static int part_publish(int dir_fd, const struct store_entry *entry, enum part part)
{
	char name[SEGMENT_NAME_MAX];

	part_name(entry, parts[part].packed, name);
	return renameat(dir_fd, parts[part].scratch, dir_fd, name) < 0 ? -errno : 0;
}

/* The packed files are there: the plain ones may go, but not in the middle of a listing. */
static int plain_remove(int dir_fd, const struct store_entry *entry)
{
	int r;

	if (flock(dir_fd, LOCK_EX) < 0)
		return -errno;
	r = part_remove(dir_fd, entry, SEGMENT_FILE_LOG);
	if (r == -ENOENT) { /* it was deleted while we packed it */
		ignore_result(part_remove(dir_fd, entry, SEGMENT_FILE_LOG_PACKED));
		ignore_result(part_remove(dir_fd, entry, SEGMENT_FILE_INDEX_PACKED));
		r = 0;
	}
	if (r == 0)
		ignore_result(part_remove(dir_fd, entry, SEGMENT_FILE_INDEX));
	(void)flock(dir_fd, LOCK_UN);
	return r;
}

int packing_finish(int dir_fd, const struct store_entry *entry)
{
	int r = part_remove(dir_fd, entry, SEGMENT_FILE_INDEX);

	return r == -ENOENT ? 0 : r;
}

/* The packed files have their names: when the disk knows them, the plain ones go. */
static int segment_replace(int dir_fd, const struct store_entry *entry)
{
	return fsync(dir_fd) < 0 ? -errno : plain_remove(dir_fd, entry);
}

static int segment_publish(int dir_fd, const struct store_entry *entry, bool has_index)
{
	int r = has_index ? part_publish(dir_fd, entry, PART_INDEX) : 0;

	if (r == 0)
		r = part_publish(dir_fd, entry, PART_LOG);
	return r < 0 ? r : segment_replace(dir_fd, entry);
}

static int plain_open(const struct store *store, const struct store_entry *entry, enum part part)
{
	return store_open_file(store, &entry->id, entry->seq, parts[part].plain, O_RDONLY);
}

/* Whether there are packed files that hold all of the plain ones; of @ret_bytes together. */
static bool is_packed_already(const struct store *store, int dir_fd,
			      const struct store_entry *entry, int plain_fd, uint64_t *ret_bytes)
{
	struct stat plain, log, index;
	char name[SEGMENT_NAME_MAX];
	struct packed p;
	bool is_whole;
	int fd = store_open_file(store, &entry->id, entry->seq, SEGMENT_FILE_LOG_PACKED, O_RDONLY);

	if (fd < 0 || packed_open(&p, fd, store->frames) < 0)
		return false;
	is_whole = !p.is_rebuilt && fstat(plain_fd, &plain) == 0 && fstat(p.fd, &log) == 0 &&
		   p.table.bytes >= (uint64_t)plain.st_size;
	packed_close(&p);
	part_name(entry, SEGMENT_FILE_INDEX_PACKED, name);
	if (!is_whole || fstatat(dir_fd, name, &index, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	*ret_bytes = (uint64_t)log.st_size + (uint64_t)index.st_size;
	return true;
}

static int segment_pack(const struct store *store, int dir_fd, const struct store_entry *entry,
			packing_fn complete, void *userdata)
{
	cleanup_close int log_fd = plain_open(store, entry, PART_LOG);
	cleanup_close int index_fd = plain_open(store, entry, PART_INDEX);
	uint64_t log_bytes = 0, index_bytes = 0;
	int r;

	if (log_fd == -ENOENT)
		return 0;
	if (log_fd < 0)
		return log_fd;
	if (index_fd < 0 && index_fd != -ENOENT)
		return index_fd;
	if (flock(log_fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? PACKING_BUSY : -errno;
	if (is_packed_already(store, dir_fd, entry, log_fd, &log_bytes)) {
		complete(entry, log_bytes, userdata);
		return segment_replace(dir_fd, entry);
	}
	r = part_make(dir_fd, PART_LOG, log_fd, &log_bytes);
	if (r == 0 && index_fd >= 0)
		r = part_make(dir_fd, PART_INDEX, index_fd, &index_bytes);
	if (r < 0)
		return r;
	complete(entry, log_bytes + index_bytes, userdata);
	return segment_publish(dir_fd, entry, index_fd >= 0);
}

int packing_pack(const struct store *store, int dir_fd, const struct store_entry *entry,
		 packing_fn complete, void *userdata)
{
	int r = segment_pack(store, dir_fd, entry, complete, userdata);

	if (r < 0)
		packing_clean(dir_fd);
	return r;
}
