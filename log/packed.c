/* SPDX-License-Identifier: MIT */

/*
 * A packed file: frames of zstd that can be read alone, and a table of where they are.
 *
 * It is an ordinary zstd file: zstdcat(1) and zstdgrep(1) read it as it stands. Whoever wants a
 * place in it looks the frame up and unpacks that one, so a window is read in the time of a frame
 * and not of a file, and a damaged frame costs its own bytes and no others.
 *
 * The table is at the end and may be what a crash or a bad disk took. Nothing depends on it: each
 * frame says how long it is, and going from one to the next makes the same table. What comes behind
 * the first frame that cannot be followed is one frame more, a damaged one.
 *
 * Before it stands how many lines there are in each frame (log/line-table.c). Nothing depends on
 * that either: whoever does not know it reads the lines.
 */

#include "log/packed.h"

#include <string.h>
#include <sys/stat.h>

#include "lib/fd.h"

#include "log/frame-cache.h"
#include "log/frame.h"

/* --- reading ---------------------------------------------------------------------------------- */

ssize_t packed_read_at(int fd, void *to, size_t n_bytes, uint64_t offset)
{
	ssize_t n = fd_read_at(fd, to, n_bytes, offset);

	return n == -EIO ? -EBADMSG : n;
}

static int seek_table_load(int fd, uint64_t file_bytes, struct seek_table *ret_table,
			   size_t *ret_bytes)
{
	uint8_t footer[SEEK_FOOTER_BYTES];
	cleanup_free uint8_t *text = NULL;
	size_t n_bytes;
	ssize_t n;

	if (file_bytes < sizeof(footer))
		return -EBADMSG;
	n = packed_read_at(fd, footer, sizeof(footer), file_bytes - sizeof(footer));
	if (n != (ssize_t)sizeof(footer))
		return n < 0 ? (int)n : -EBADMSG;
	if (seek_footer_read(footer, file_bytes, &n_bytes) < 0)
		return -EBADMSG;
	text = malloc(n_bytes);
	if (!text)
		return -ENOMEM;
	n = packed_read_at(fd, text, n_bytes, file_bytes - n_bytes);
	if (n != (ssize_t)n_bytes)
		return n < 0 ? (int)n : -EBADMSG;
	*ret_bytes = n_bytes;
	return seek_table_read(text, n_bytes, file_bytes, ret_table);
}

/* What stands between the frames and the seek table. */
static int line_table_load(struct packed *p)
{
	size_t n_frames = p->table.n_frames, n_bytes = line_table_text_bytes(n_frames);
	cleanup_free uint8_t *text = malloc(n_bytes);
	ssize_t n;
	int r;

	if (!text)
		return -ENOMEM;
	n = packed_read_at(p->fd, text, n_bytes, seek_table_begin(&p->table, n_frames));
	if (n < 0 && n != -EBADMSG)
		return (int)n;
	r = n == (ssize_t)n_bytes ? line_table_read(text, n_frames, &p->lines) : -EBADMSG;
	p->has_lost_lines = r == -EBADMSG;
	return p->has_lost_lines ? 0 : r;
}

static int tables_load(struct packed *p, uint64_t file_bytes)
{
	size_t n_bytes = 0;
	uint64_t between;
	int r = seek_table_load(p->fd, file_bytes, &p->table, &n_bytes);

	if (r < 0)
		return r;
	between = file_bytes - n_bytes - seek_table_begin(&p->table, p->table.n_frames);
	if (between == 0)
		return 0;
	if (between == line_table_text_bytes(p->table.n_frames))
		return line_table_load(p);
	seek_table_done(&p->table);
	return -EBADMSG;
}

/* Go from frame to frame; the rest that is none is left out, or is a damaged frame. */
static int table_rebuild(int fd, uint64_t file_bytes, struct seek_table *t)
{
	cleanup_free char *window = malloc(frame_packed_max());
	uint64_t offset = 0;

	if (!window)
		return -ENOMEM;
	while (offset < file_bytes) {
		size_t packed_bytes, bytes;
		ssize_t n = packed_read_at(fd, window, frame_packed_max(), offset);
		int r;

		if (n < 0)
			return n == -EBADMSG ? 0 : (int)n;
		if (frame_measure(window, (size_t)n, &packed_bytes, &bytes) < 0)
			return 0;
		r = seek_table_add(t, packed_bytes ?: file_bytes - offset, bytes);
		if (r < 0)
			return r == -EBADMSG ? 0 : r;
		if (packed_bytes == 0)
			return 0;
		offset += packed_bytes;
	}
	return 0;
}

int packed_open(struct packed *p, int fd, struct frame_cache *cache)
{
	struct stat st;
	int r;

	*p = (struct packed){.fd = fd, .cache = cache, .id = frame_cache_id(cache)};
	r = fstat(fd, &st) < 0 ? -errno : tables_load(p, (uint64_t)st.st_size);
	p->is_rebuilt = r == -EBADMSG;
	if (p->is_rebuilt)
		r = table_rebuild(fd, (uint64_t)st.st_size, &p->table);
	if (r < 0) {
		seek_table_done(&p->table);
		line_table_done(&p->lines);
		close_fd(&p->fd);
	}
	return r;
}

void packed_close(struct packed *p)
{
	if (p->fd < 0)
		return;
	frame_cache_forget(p->cache, p->id);
	seek_table_done(&p->table);
	line_table_done(&p->lines);
	close_fd(&p->fd);
}

uint64_t packed_frame_begin(const struct packed *p, uint64_t offset)
{
	return offset < p->table.bytes ? offset - offset % p->table.frame_bytes : p->table.bytes;
}

uint64_t packed_frame_end(const struct packed *p, uint64_t offset)
{
	if (offset >= p->table.bytes)
		return UINT64_MAX;
	return MIN_OF(packed_frame_begin(p, offset) + p->table.frame_bytes, p->table.bytes);
}

ssize_t packed_read(const struct packed *p, void *to, size_t n_bytes, uint64_t offset)
{
	size_t done = 0;

	while (done < n_bytes && offset < p->table.bytes) {
		size_t n = (size_t)MIN_OF(packed_frame_end(p, offset) - offset,
					  (uint64_t)(n_bytes - done));
		const char *data;
		int r = frame_cache_get(p->cache, p, (size_t)(offset / p->table.frame_bytes),
					&data);

		if (r == -EBADMSG && done > 0)
			break;
		if (r < 0)
			return r;
		memcpy((char *)to + done, data + offset % p->table.frame_bytes, n);
		done += n;
		offset += n;
	}
	return (ssize_t)done;
}

int packed_count(const struct packed *p, size_t i, struct line_table *t)
{
	size_t n_bytes = seek_table_size(&p->table, i);
	const char *data;
	int r = frame_cache_get(p->cache, p, i, &data), counted;

	if (r < 0 && r != -EBADMSG)
		return r;
	counted = line_table_count(t, r == 0 ? data : NULL, n_bytes);
	return counted < 0 ? counted : r;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void packer_free(struct frame_packer **packer)
{
	frame_packer_free(*packer);
}

/* Length of the file whose tables these are. */
static uint64_t packed_bytes(const struct seek_table *t, const struct line_table *lines)
{
	return seek_table_begin(t, t->n_frames) + seek_table_text_bytes(t->n_frames, 8) +
	       (lines ? line_table_text_bytes(t->n_frames) : 0);
}

static int frames_write(int from_fd, int to_fd, size_t frame_bytes, uint64_t max_bytes,
			struct seek_table *t, struct line_table *lines)
{
	cleanup(packer_free) struct frame_packer *packer = NULL;
	cleanup_free char *from = malloc(frame_bytes), *to = malloc(frame_packed_max());
	int r = from && to ? frame_packer_new(&packer) : -ENOMEM;

	while (r == 0) {
		ssize_t n = fd_read_at(from_fd, from, frame_bytes, t->bytes), n_packed;

		if (n <= 0)
			return (int)n;
		n_packed = frame_pack(packer, to, from, (size_t)n);
		if (n_packed < 0)
			return (int)n_packed;
		r = seek_table_add(t, (uint64_t)n_packed, (size_t)n);
		if (r == 0 && packed_bytes(t, lines) > max_bytes)
			return -ENOSPC;
		if (r == 0)
			r = fd_write_all(to_fd, to, (size_t)n_packed);
		if (r == 0 && lines)
			r = line_table_count(lines, from, (size_t)n);
	}
	return r;
}

int packed_write_tables(const struct seek_table *t, const struct line_table *lines, int to_fd)
{
	size_t lines_bytes = lines ? line_table_text_bytes(t->n_frames) : 0;
	size_t n_bytes = lines_bytes + seek_table_text_bytes(t->n_frames, 8);
	cleanup_free uint8_t *text = malloc(n_bytes);

	if (!text)
		return -ENOMEM;
	if (lines)
		line_table_write(lines, text);
	seek_table_write(t, text + lines_bytes);
	return fd_write_all(to_fd, text, n_bytes);
}

int packed_pack(int from_fd, int to_fd, size_t frame_bytes, uint64_t max_bytes, bool has_lines,
		uint64_t *ret_bytes)
{
	struct line_table lines = {0};
	struct seek_table t = {0};
	int r = frames_write(from_fd, to_fd, frame_bytes, max_bytes, &t, has_lines ? &lines : NULL);

	line_table_end(&lines);
	if (r == 0)
		r = packed_write_tables(&t, has_lines ? &lines : NULL, to_fd);
	if (r == 0)
		*ret_bytes = packed_bytes(&t, has_lines ? &lines : NULL);
	line_table_done(&lines);
	seek_table_done(&t);
	return r;
}
