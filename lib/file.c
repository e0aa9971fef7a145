/* SPDX-License-Identifier: MIT */
#include "lib/file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "lib/fd.h"

/*
 * Files as a whole: read, replaced, locked; and paths as text.
 *
 * A file is replaced by rename(2), so that a reader sees the old content or the new and a crash
 * leaves one of them. The temporary file has a random name in the same folder: a fixed one would
 * let two writers mix their bytes. Opening never waits: a FIFO that somebody put in the place of
 * a file must not stop a daemon.
 *
 * Paths are joined by text alone. realpath(3) would ask the file system, and the place where a
 * file is going to be need not exist yet.
 */

#define READ_STEP 4096

/* Grows *data so that at least one byte more than @len fits, never beyond @max + 2. */
static int read_grow(char **data, size_t *cap, size_t len, size_t max)
{
	size_t wanted = MIN_OF(MAX_OF(*cap * 2, (size_t)READ_STEP), max + 2);
	char *grown;

	if (len + 1 < *cap)
		return 0;
	grown = realloc(*data, wanted);
	if (!grown)
		return -ENOMEM;
	*data = grown;
	*cap = wanted;
	return 0;
}

int file_read(const char *path, size_t max, char **ret_data, size_t *ret_len)
{
	cleanup_close int fd = -1;
	cleanup_free char *data = NULL;
	size_t cap = 0;
	size_t len = 0;
	ssize_t n;
	int r;

	max = MIN_OF(max, (size_t)SSIZE_MAX / 2);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	do {
		r = read_grow(&data, &cap, len, max);
		if (r < 0)
			return r;
		n = read(fd, data + len, cap - len - 1);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			len += (size_t)n;
		if (len > max)
			return -EFBIG;
	} while (n != 0);
	data[len] = '\0';
	*ret_data = steal_ptr(data);
	if (ret_len)
		*ret_len = len;
	return 0;
}

static int sync_folder(const char *folder)
{
	cleanup_close int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

/**
 * struct replacement - a file that is about to take the place of another
 * @folder:    where both are
 * @temporary: its name until then; NULL when there is nothing to remove
 * @fd:        open for writing
 */
struct replacement {
	char *folder;
	char *temporary;
	int fd;
};

static void replacement_done(struct replacement *r)
{
	int saved = errno;

	if (r->temporary)
		(void)unlink(r->temporary);
	free(r->temporary);
	free(r->folder);
	close_fd(&r->fd);
	errno = saved;
}

static int replacement_open(struct replacement *r, const char *path, mode_t mode)
{
	cleanup_free char *temporary = NULL;

	r->folder = file_folder_of(path);
	if (r->folder)
		temporary = file_path_join(r->folder, ".replace-XXXXXX");
	if (!temporary)
		return -ENOMEM;
	r->fd = mkostemp(temporary, O_CLOEXEC);
	if (r->fd < 0)
		return -errno;
	r->temporary = steal_ptr(temporary);
	/* mkostemp() made it 0600; this is not subject to the umask. */
	return fchmod(r->fd, mode) < 0 ? -errno : 0;
}

static int replacement_commit(struct replacement *r, const char *path, bool sync)
{
	if (sync && fsync(r->fd) < 0)
		return -errno;
	if (rename(r->temporary, path) < 0)
		return -errno;
	free(steal_ptr(r->temporary));
	return sync ? sync_folder(r->folder) : 0;
}

static int file_replace(const char *path, const void *data, size_t n_bytes, mode_t mode, bool sync)
{
	cleanup(replacement_done) struct replacement replacement = {.fd = -1};
	int r;

	r = replacement_open(&replacement, path, mode);
	if (r < 0)
		return r;
	r = fd_write_all(replacement.fd, data, n_bytes);
	if (r < 0)
		return r;
	return replacement_commit(&replacement, path, sync);
}

int file_write_atomic(const char *path, const void *data, size_t n_bytes, mode_t mode)
{
	return file_replace(path, data, n_bytes, mode, true);
}

int file_write_quick(const char *path, const void *data, size_t n_bytes, mode_t mode)
{
	return file_replace(path, data, n_bytes, mode, false);
}

static int make_folder(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int file_make_folders(const char *path, mode_t mode)
{
	cleanup_free char *part = NULL;
	int r;

	r = make_folder(path, mode);
	if (r != -ENOENT || path[0] == '\0')
		return r;
	part = strdup(path);
	if (!part)
		return -ENOMEM;
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		r = make_folder(part, mode);
		if (r < 0)
			return r;
		*slash = '/';
	}
	return make_folder(path, mode);
}

/* Where the last component of the @len bytes of @path that were written begins. */
static size_t last_component(const char *path, size_t len)
{
	while (len > 0 && path[len - 1] != '/')
		len--;
	return len;
}

/* Takes back the last component of @path, for a ".." that was read; false when there is none. */
static bool path_up(char *path, size_t *len, bool absolute)
{
	size_t last = last_component(path, *len);

	if (*len == (absolute ? 1 : 0))
		return absolute; /* above the root is the root */
	if (strcmp(path + last, "..") == 0)
		return false;
	*len = last > 1 ? last - 1 : last;
	path[*len] = '\0';
	return true;
}

static void path_append(char *path, size_t *len, const char *component, size_t n)
{
	if (*len > 0 && path[*len - 1] != '/')
		path[(*len)++] = '/';
	memcpy(path + *len, component, n);
	*len += n;
	path[*len] = '\0';
}

/* Adds the components of @source to @path, which has room for them. */
static void path_walk(char *path, size_t *len, const char *source, bool absolute)
{
	while (*source != '\0') {
		size_t n = strcspn(source, "/");
		bool up = n == 2 && memcmp(source, "..", 2) == 0;
		bool stay = n == 0 || (n == 1 && *source == '.');

		if (!stay && !(up && path_up(path, len, absolute)))
			path_append(path, len, source, n);
		source += n + (source[n] == '/');
	}
}

char *file_path_join(const char *base, const char *path)
{
	const char *start = path[0] == '/' ? "" : base;
	bool absolute = path[0] == '/' || base[0] == '/';
	size_t len = 0;
	/* Two slashes may be added and a "." put in the place of nothing. */
	char *joined = malloc(strlen(start) + strlen(path) + 4);

	if (!joined)
		return NULL;
	if (absolute)
		joined[len++] = '/';
	joined[len] = '\0';
	path_walk(joined, &len, start, absolute);
	path_walk(joined, &len, path, absolute);
	if (len == 0)
		memcpy(joined, ".", 2);
	return joined;
}

char *file_folder_of(const char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	len = last_component(path, len);
	if (len == 0)
		return strdup(".");
	while (len > 1 && path[len - 1] == '/')
		len--;
	return strndup(path, len);
}

int file_lock(const char *path)
{
	cleanup_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	return steal_fd(&fd);
}
