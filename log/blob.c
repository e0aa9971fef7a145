/* SPDX-License-Identifier: MIT */

/*
 * A blob: one file of a segment as its readers see it, whether it is packed by now or not.
 *
 * The housekeeper makes the packed file first and deletes the plain one afterwards, so at each
 * moment one of them is there; the plain one is tried first, and when it went while we looked, the
 * packed one must be there. A plain file that is open stays readable and complete whatever happens
 * to its name. Offsets are those of the plain bytes in both.
 */

#include "log/blob.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "lib/fd.h"

#include "log/store.h"

static const enum segment_file plain_files[] = {
	[BLOB_LOG] = SEGMENT_FILE_LOG,
	[BLOB_INDEX] = SEGMENT_FILE_INDEX,
};

static const enum segment_file packed_files[] = {
	[BLOB_LOG] = SEGMENT_FILE_LOG_PACKED,
	[BLOB_INDEX] = SEGMENT_FILE_INDEX_PACKED,
};

void blob_init(struct blob *b)
{
	*b = (struct blob){.fd = -1, .packed = {.fd = -1}};
}

int blob_open(struct blob *b, const struct store *store, const struct stream_id *id, uint64_t seq,
	      enum blob_kind kind)
{
	int fd = store_open_file(store, id, seq, plain_files[kind], O_RDONLY);

	blob_init(b);
	if (fd >= 0) {
		b->fd = fd;
		return 0;
	}
	if (fd != -ENOENT)
		return fd;
	fd = store_open_file(store, id, seq, packed_files[kind], O_RDONLY);
	return fd < 0 ? fd : packed_open(&b->packed, fd, store->frames);
}

void blob_close(struct blob *b)
{
	close_fd(&b->fd);
	packed_close(&b->packed);
}

bool blob_is_open(const struct blob *b)
{
	return b->fd >= 0 || blob_is_packed(b);
}

int blob_measure(const struct blob *b, uint64_t *ret_bytes, usec_t *ret_at_usec)
{
	struct stat st;

	if (fstat(blob_is_packed(b) ? b->packed.fd : b->fd, &st) < 0)
		return -errno;
	*ret_bytes = blob_is_packed(b) ? b->packed.table.bytes : (uint64_t)st.st_size;
	*ret_at_usec = (usec_t)st.st_mtim.tv_sec * USEC_PER_SEC + (usec_t)st.st_mtim.tv_nsec / 1000;
	return 0;
}

bool blob_is_packed(const struct blob *b)
{
	return b->packed.fd >= 0;
}

ssize_t blob_read(const struct blob *b, void *to, size_t n_bytes, uint64_t offset)
{
	ssize_t n;

	if (!blob_is_packed(b))
		return fd_read_at(b->fd, to, n_bytes, offset);
	n = packed_read(&b->packed, to, n_bytes, offset);
	return n == 0 && n_bytes > 0 ? -EBADMSG : n;
}

uint64_t blob_damage_end(const struct blob *b, uint64_t offset)
{
	return packed_frame_end(&b->packed, offset);
}

uint64_t blob_damage_begin(const struct blob *b, uint64_t offset)
{
	return packed_frame_begin(&b->packed, offset - 1);
}

int blob_readable_from(const struct blob *b, uint64_t low, uint64_t offset, uint64_t *ret_from)
{
	uint64_t from = offset;

	while (blob_is_packed(b) && from > low) {
		uint64_t begin = packed_frame_begin(&b->packed, from - 1);
		char byte;
		ssize_t n = blob_read(b, &byte, 1, begin);

		if (n < 0 && n != -EBADMSG)
			return (int)n;
		if (n < 0)
			break;
		from = begin;
	}
	*ret_from = blob_is_packed(b) ? MAX_OF(from, low) : low;
	return 0;
}
