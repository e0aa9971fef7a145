/* SPDX-License-Identifier: MIT */

/*
 * The log folder: LOGDIR/SERVICE/INSTANCE.STREAM.SEQ.{log,idx}, and .zst behind it when packed.
 *
 * One process writes here, and the lock on LOGDIR/.lock is what says so; everybody else only reads.
 * The lock is waited for: a collector that was killed is gone only when its last system call has
 * come back, and its successor must not begin before. A segment exists when its .log does, plain or
 * packed: the index is made first and deleted last, so an index alone is what a kill left over: it
 * is ignored, and goes when the next collector starts. A plain file beside a packed one wins: a
 * kill came before it was deleted, and the next pass of the housekeeper decides between them.
 *
 * A folder is listed under a shared lock on it, and the housekeeper deletes plain files under an
 * exclusive one: without it a listing that began before a segment was packed, and came to its plain
 * file after that was gone, would have seen neither.
 */

#include "log/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "lib/error.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/text.h"

#include "log/frame-cache.h"

#define LOCK_NAME ".lock"
#define PATH_BYTES_MAX (STREAM_SERVICE_MAX + 1 + SEGMENT_NAME_MAX)

static void dir_close(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

int store_open(struct store *s, const char *path, bool create, struct error *err)
{
	int r;

	*s = (struct store){.dir_fd = -1, .path = strdup(path)};
	if (!s->path || frame_cache_new(&s->frames) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	if (create) {
		r = file_make_folders(path, 0750);
		if (r < 0)
			return error_set(err, r, "cannot make the log folder \"%s\": %s", path,
					 strerror(-r));
	}
	s->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir_fd < 0)
		return error_set(err, -errno, "cannot open the log folder \"%s\": %m", path);
	return 0;
}

void store_done(struct store *s)
{
	close_fd(&s->dir_fd);
	free(s->path);
	s->path = NULL;
	frame_cache_free(s->frames);
	s->frames = NULL;
}

int store_lock(const struct store *s, int *ret_fd, struct error *err)
{
	cleanup_close int fd = openat(s->dir_fd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return error_set(err, -errno, "cannot write into the log folder \"%s\": %m",
				 s->path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		log_notice("another collector still writes to \"%s\"; waiting for its end",
			   s->path);
		while (flock(fd, LOCK_EX) < 0)
			if (errno != EINTR)
				return error_set(err, -errno, "cannot lock \"%s\": %m", s->path);
	}
	*ret_fd = steal_fd(&fd);
	return 0;
}

int store_make_folder(const struct store *s, const char *service)
{
	struct stat st;

	if (mkdirat(s->dir_fd, service, 0750) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (fstatat(s->dir_fd, service, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

bool store_has_service(const struct store *s, const char *service)
{
	struct stat st;

	return text_name_valid(service) &&
	       fstatat(s->dir_fd, service, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/*
 * Who only reads leaves no trace: to note the time of an access is a write, and that waits for the
 * disk. It is permitted to the owner, and needed by the collector's readers alone.
 */
static int open_quietly(int dir_fd, const char *path, int flags)
{
	int fd = openat(dir_fd, path, flags | O_NOATIME, 0640);

	return fd < 0 && errno == EPERM ? openat(dir_fd, path, flags, 0640) : fd;
}

static void path_format(char path[static PATH_BYTES_MAX], const struct stream_id *id, uint64_t seq,
			enum segment_file file)
{
	char name[SEGMENT_NAME_MAX];

	(void)snprintf(path, PATH_BYTES_MAX, "%s/%s", id->service,
		       segment_name(id, seq, file, name));
}

int store_open_file(const struct store *s, const struct stream_id *id, uint64_t seq,
		    enum segment_file file, int flags)
{
	char path[PATH_BYTES_MAX];
	int fd;

	path_format(path, id, seq, file);
	fd = open_quietly(s->dir_fd, path, flags | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

bool store_has_segment(const struct store *s, const struct stream_id *id, uint64_t seq)
{
	char path[PATH_BYTES_MAX];

	/* In this order: the packed one is made before the plain one goes. */
	for (int file = SEGMENT_FILE_LOG; file <= SEGMENT_FILE_LOG_PACKED; file++) {
		path_format(path, id, seq, (enum segment_file)file);
		if (faccessat(s->dir_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT)
			return true;
	}
	return false;
}

int store_delete(const struct store *s, const struct stream_id *id, uint64_t seq)
{
	char path[PATH_BYTES_MAX];

	for (int file = 0; file < SEGMENT_FILE_COUNT; file++) {
		path_format(path, id, seq, (enum segment_file)file);
		if (unlinkat(s->dir_fd, path, 0) < 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

void store_remove_folder(const struct store *s, const char *service)
{
	(void)unlinkat(s->dir_fd, service, AT_REMOVEDIR);
}

static usec_t stat_at_usec(const struct stat *st)
{
	return (usec_t)st->st_mtim.tv_sec * USEC_PER_SEC + (usec_t)st->st_mtim.tv_nsec / 1000;
}

static bool has_file(int dir_fd, const struct store_entry *entry, enum segment_file file,
		     struct stat *ret_st)
{
	char name[SEGMENT_NAME_MAX];

	segment_name(&entry->id, entry->seq, file, name);
	return fstatat(dir_fd, name, ret_st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(ret_st->st_mode);
}

/* Return: 1 when that file says that a segment is there, and no other one does; 0. */
static int entry_read(int dir_fd, const char *name, struct store_entry *entry)
{
	enum segment_file file;
	struct stat st, plain;

	if (segment_name_parse(name, &entry->id, &entry->seq, &file) < 0 ||
	    (file != SEGMENT_FILE_LOG && file != SEGMENT_FILE_LOG_PACKED) ||
	    !has_file(dir_fd, entry, file, &st))
		return 0;
	entry->packed = file == SEGMENT_FILE_LOG_PACKED;
	if (entry->packed && has_file(dir_fd, entry, SEGMENT_FILE_LOG, &plain))
		return 0;
	entry->log_bytes = (uint64_t)st.st_size;
	entry->at_usec = stat_at_usec(&st);
	file = entry->packed ? SEGMENT_FILE_INDEX_PACKED : SEGMENT_FILE_INDEX;
	entry->index_bytes = has_file(dir_fd, entry, file, &st) ? (uint64_t)st.st_size : 0;
	return 1;
}

/* A folder below @dir_fd as a stream, or NULL with errno. */
static DIR *dir_open(int dir_fd, const char *name)
{
	cleanup_close int fd =
		open_quietly(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir)
		(void)steal_fd(&fd);
	return dir;
}

int store_list(const struct store *s, const char *service, store_entry_fn fn, void *userdata)
{
	cleanup(dir_close) DIR *dir = dir_open(s->dir_fd, service);
	struct store_entry entry = {0};
	struct dirent *d;
	int r;

	if (!dir || flock(dirfd(dir), LOCK_SH) < 0)
		return -errno;
	(void)snprintf(entry.id.service, sizeof(entry.id.service), "%s", service);
	while ((d = readdir(dir))) {
		r = entry_read(dirfd(dir), d->d_name, &entry);
		if (r > 0)
			r = fn(&entry, userdata);
		if (r != 0)
			return r;
	}
	return 0;
}

static bool is_left(const struct store *s, const char *service, const char *name)
{
	struct stream_id id = {0};
	enum segment_file file;
	uint64_t seq;

	(void)snprintf(id.service, sizeof(id.service), "%s", service);
	return segment_name_parse(name, &id, &seq, &file) == 0 &&
	       (file == SEGMENT_FILE_INDEX || file == SEGMENT_FILE_INDEX_PACKED) &&
	       !store_has_segment(s, &id, seq);
}

void store_sweep(const struct store *s, const char *service)
{
	cleanup(dir_close) DIR *dir = dir_open(s->dir_fd, service);
	const struct dirent *d;

	while (dir && (d = readdir(dir)))
		if (is_left(s, service, d->d_name))
			(void)unlinkat(dirfd(dir), d->d_name, 0);
	store_remove_folder(s, service);
}

int store_services(const struct store *s, store_service_fn fn, void *userdata)
{
	cleanup(dir_close) DIR *dir = dir_open(s->dir_fd, ".");
	struct dirent *d;
	int r;

	if (!dir)
		return -errno;
	while ((d = readdir(dir))) {
		if (!store_has_service(s, d->d_name))
			continue;
		r = fn(d->d_name, userdata);
		if (r != 0)
			return r;
	}
	return 0;
}

int store_fs_bytes(const struct store *s, uint64_t *ret_bytes)
{
	struct statvfs fs;

	if (fstatvfs(s->dir_fd, &fs) < 0)
		return -errno;
	*ret_bytes = (uint64_t)fs.f_blocks * fs.f_frsize;
	return 0;
}
