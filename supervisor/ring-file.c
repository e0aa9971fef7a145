/* SPDX-License-Identifier: MIT */
#include "supervisor/ring-file.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/file.h"

/*
 * A page with the layout, the ring of seconds, the ring of minutes. Opened for each write, which is
 * once a minute: a descriptor for each service would be kept for nothing most of the time.
 */

#define MAGIC "skring1"
#define HEAD_BYTES 4096
#define FILE_BYTES \
	((off_t)(HEAD_BYTES + (RING_SECONDS + RING_MINUTES) * sizeof(struct ring_record)))

struct head {
	char magic[8];
	uint32_t record_bytes;
	uint32_t n_seconds;
	uint32_t n_minutes;
	uint32_t n_numbers;
};

static const struct head our_head = {
	.magic = MAGIC,
	.record_bytes = sizeof(struct ring_record),
	.n_seconds = RING_SECONDS,
	.n_minutes = RING_MINUTES,
	.n_numbers = NUMBER_KEPT,
};

static off_t offset_of(enum ring_step step, size_t place)
{
	size_t before = step == RING_STEP_MINUTE ? RING_SECONDS : 0;

	return (off_t)(HEAD_BYTES + (before + place) * sizeof(struct ring_record));
}

static bool is_ours(int fd)
{
	struct head head;
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_size == FILE_BYTES &&
	       pread(fd, &head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
	       memcmp(&head, &our_head, sizeof(head)) == 0;
}

static int begin(int fd)
{
	if (ftruncate(fd, 0) < 0 || ftruncate(fd, FILE_BYTES) < 0)
		return -errno;
	return pwrite(fd, &our_head, sizeof(our_head), 0) < 0 ? -errno : 0;
}

/* How many of the records from the first on lie side by side in the file. */
static size_t run_of(enum ring_step step, const struct ring_record *records, size_t n)
{
	size_t first = ring_place(step, records[0].at_sec);
	size_t run = 1;

	while (run < n && records[run].at_sec > 0 &&
	       ring_place(step, records[run].at_sec) == first + run)
		run++;
	return run;
}

static int write_records(int fd, enum ring_step step, const struct ring_record *records, size_t n)
{
	size_t run;

	for (size_t i = 0; i < n; i += run) {
		run = 1;
		if (records[i].at_sec == 0)
			continue;
		run = run_of(step, records + i, n - i);
		if (pwrite(fd, records + i, run * sizeof(*records),
			   offset_of(step, ring_place(step, records[i].at_sec))) < 0)
			return -errno;
	}
	return 0;
}

int ring_file_write(const char *path, const struct ring_record *seconds, size_t n,
		    const struct ring_record *minute)
{
	cleanup_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r;

	if (fd < 0)
		return -errno;
	r = is_ours(fd) ? 0 : begin(fd);
	if (r == 0)
		r = write_records(fd, RING_STEP_SECOND, seconds, n);
	if (r == 0 && minute)
		r = write_records(fd, RING_STEP_MINUTE, minute, 1);
	return r;
}

static int by_time(const void *a, const void *b)
{
	const struct ring_record *one = a;
	const struct ring_record *other = b;

	return (one->at_sec > other->at_sec) - (one->at_sec < other->at_sec);
}

/* Return: how many still count; they are in front, in order. */
static size_t sort_out(enum ring_step step, struct ring_record *records, size_t n, uint32_t now_sec)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (ring_holds(step, &records[i], now_sec))
			records[kept++] = records[i];
	}
	qsort(records, kept, sizeof(*records), by_time);
	return kept;
}

int ring_file_read(const char *path, enum ring_step step, uint32_t now_sec, size_t max,
		   struct ring_record **ret_records, size_t *ret_n)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	cleanup_free struct ring_record *records = NULL;
	size_t places = ring_places(step);
	ssize_t got = 0;
	size_t n;

	if (fd < 0 && errno != ENOENT)
		return -errno;
	records = calloc(places, sizeof(*records));
	if (!records)
		return -ENOMEM;
	if (fd >= 0 && is_ours(fd))
		got = pread(fd, records, places * sizeof(*records), offset_of(step, 0));
	if (got < 0)
		return -errno;
	n = sort_out(step, records, (size_t)got / sizeof(*records), now_sec);
	if (n > max)
		memmove(records, records + (n - max), max * sizeof(*records));
	*ret_records = steal_ptr(records);
	*ret_n = MIN_OF(n, max);
	return 0;
}

static void close_dir(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

void ring_file_forget(const char *folder, uint32_t now_sec)
{
	cleanup(close_dir) DIR *dir = opendir(folder);
	const struct dirent *entry;
	struct stat st;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_type != DT_REG ||
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (st.st_mtim.tv_sec + RING_MINUTES * 60 < (time_t)now_sec)
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	}
}
