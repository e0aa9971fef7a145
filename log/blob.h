/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"

#include "log/packed.h"
#include "log/stream-id.h"

struct store;

/**
 * struct blob - one of the two files of a segment that is being read, packed or not
 * @fd: the plain file, or -1
 */
struct blob {
	int fd;
	struct packed packed;
};

/** enum blob_kind - which of the two */
enum blob_kind {
	BLOB_LOG,
	BLOB_INDEX,
};

/** blob_init() - a closed one */
void blob_init(struct blob *b);

/** blob_open() - open it, plain or packed; Return: 0, -ENOENT when there is none, negative errno */
must_check int blob_open(struct blob *b, const struct store *store, const struct stream_id *id,
			 uint64_t seq, enum blob_kind kind);

/** blob_close() - close it */
void blob_close(struct blob *b);

/** blob_is_open() - whether it is */
bool blob_is_open(const struct blob *b);

/**
 * blob_measure() - how long it is now
 * @ret_bytes:   as it was before it was packed
 * @ret_at_usec: when it was written last
 *
 * Return: 0 or negative errno.
 */
must_check int blob_measure(const struct blob *b, uint64_t *ret_bytes, usec_t *ret_at_usec);

/** blob_is_packed() - whether it is; then it never changes any more */
bool blob_is_packed(const struct blob *b);

/**
 * blob_read() - as pread(2), without an end in the middle
 *
 * Return: bytes; fewer than @n_bytes at the end and before damage only; -EBADMSG when @offset lies
 * in something damaged, or behind the end of a packed one; negative errno.
 */
must_check ssize_t blob_read(const struct blob *b, void *to, size_t n_bytes, uint64_t offset);

/** blob_damage_end() - where the damage ends in which @offset lies, after -EBADMSG */
uint64_t blob_damage_end(const struct blob *b, uint64_t offset);

/**
 * blob_readable_from() - the first place not before @low from which all up to @offset is there
 * @low: less than @offset
 * @ret_from: @offset itself when what lies before it is damaged
 *
 * Return: 0 or negative errno.
 */
must_check int blob_readable_from(const struct blob *b, uint64_t low, uint64_t offset,
				  uint64_t *ret_from);

/** blob_damage_begin() - where the damage begins that ends at @offset or around it */
uint64_t blob_damage_begin(const struct blob *b, uint64_t offset);
