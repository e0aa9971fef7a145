/* SPDX-License-Identifier: MIT */
#include "supervisor/json-lines.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

/*
 * The form in which what happened is kept: a line is whole exactly when its newline is there.
 *
 * Nothing is synced and nothing is locked: there is one writer, and what a power failure takes is
 * history, not state. Readers trust no line: each is parsed by itself, and one that is damaged is
 * passed over without the others. Only the end of a file is read, because whoever asks wants what
 * was last, and because a file that somebody made huge must not cost us more than its end.
 */

/* Whether the file of @size bytes ends inside a line. */
static bool is_torn(int fd, off_t size)
{
	char last = '\n';

	return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

int json_lines_mend(const char *path)
{
	cleanup_close int fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (is_torn(fd, st.st_size) && write(fd, "\n", 1) < 0)
		return -errno;
	return 0;
}

/* The end of the file, or negative errno. The file may have been deleted since it was opened. */
static off_t find_end(int *fd, const char *path)
{
	struct stat st;

	if (*fd < 0 || fstat(*fd, &st) < 0 || st.st_nlink == 0) {
		close_fd(fd);
		*fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (*fd < 0 || fstat(*fd, &st) < 0)
			return -errno;
	}
	return st.st_size;
}

int json_lines_append(int *fd, const char *path, const char *line, size_t len, uint64_t *ret_size)
{
	char newline = '\n';
	struct iovec parts[] = {
		{.iov_base = (void *)line, .iov_len = len},
		{.iov_base = &newline, .iov_len = 1},
	};
	off_t end = find_end(fd, path);
	ssize_t n;

	if (end < 0)
		return (int)end;
	do {
		n = writev(*fd, parts, ARRAY_LEN(parts));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((size_t)n != len + 1)
		return ftruncate(*fd, end) < 0 ? -errno : -ENOSPC;
	*ret_size = (uint64_t)(end + n);
	return 0;
}

static int read_end(int fd, size_t max, char **ret_data, size_t *ret_len, off_t *ret_start)
{
	cleanup_free char *data = NULL;
	struct stat st;
	size_t len = 0;
	size_t want;

	if (fstat(fd, &st) < 0)
		return -errno;
	want = MIN_OF((size_t)st.st_size, max);
	data = malloc(want + 1);
	if (!data)
		return -ENOMEM;
	*ret_start = st.st_size - (off_t)want;
	while (len < want) {
		ssize_t n = pread(fd, data + len, want - len, *ret_start + (off_t)len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret_data = steal_ptr(data);
	*ret_len = len;
	return 0;
}

int json_lines_read(const char *path, size_t max, struct json_lines *ret_lines)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	cleanup_free char *data = NULL;
	off_t start = 0;
	size_t len = 0;
	char *newline;
	int r;

	*ret_lines = (struct json_lines){0};
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = read_end(fd, max, &data, &len, &start);
	if (r < 0 || !data)
		return r;
	if (start > 0) {
		/* We began inside a line, or we cannot know: it is not given out. */
		newline = memchr(data, '\n', len);
		len = newline ? len - (size_t)(newline + 1 - data) : 0;
		if (newline)
			memmove(data, newline + 1, len);
	}
	newline = memrchr(data, '\n', len);
	ret_lines->len = newline ? (size_t)(newline + 1 - data) : 0;
	ret_lines->torn_len = len - ret_lines->len;
	ret_lines->has_more = start > 0;
	ret_lines->data = steal_ptr(data);
	return 0;
}

void json_lines_done(struct json_lines *l)
{
	free(l->data);
	*l = (struct json_lines){0};
}

bool json_lines_next(const struct json_lines *l, size_t *offset, const char **ret_line,
		     size_t *ret_len)
{
	const char *newline;
	const char *line;

	if (*offset >= l->len)
		return false;
	line = l->data + *offset;
	newline = memchr(line, '\n', l->len - *offset);
	if (!newline)
		return false;
	*ret_line = line;
	*ret_len = (size_t)(newline - line);
	*offset += *ret_len + 1;
	return true;
}

bool json_lines_previous(const struct json_lines *l, size_t *offset, const char **ret_line,
			 size_t *ret_len)
{
	const char *newline;

	if (*offset == 0)
		return false;
	newline = memrchr(l->data, '\n', *offset - 1);
	*ret_line = newline ? newline + 1 : l->data;
	*ret_len = *offset - 1 - (size_t)(*ret_line - l->data);
	*offset = (size_t)(*ret_line - l->data);
	return true;
}
