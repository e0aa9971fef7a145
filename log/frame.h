/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"

/** Most that one frame holds. */
#define FRAME_BYTES_MAX ((size_t)256 * 1024)

struct frame_packer;
struct frame_unpacker;

/** frame_packed_max() - room that FRAME_BYTES_MAX may need when they are packed */
size_t frame_packed_max(void);

/** frame_packer_new() - Return: 0 or -ENOMEM */
must_check int frame_packer_new(struct frame_packer **ret_packer);

/** frame_packer_free() - NULL is allowed */
void frame_packer_free(struct frame_packer *p);

/**
 * frame_pack() - make a frame, with a checksum, that can be read alone
 * @to:   room for frame_packed_max()
 * @from: @n_from bytes, FRAME_BYTES_MAX at most
 *
 * Return: its bytes, or -ENOMEM.
 */
must_check ssize_t frame_pack(struct frame_packer *p, void *to, const void *from, size_t n_from);

/** frame_unpacker_new() - Return: 0 or -ENOMEM */
must_check int frame_unpacker_new(struct frame_unpacker **ret_unpacker);

/** frame_unpacker_free() - NULL is allowed */
void frame_unpacker_free(struct frame_unpacker *u);

/**
 * frame_unpack() - the bytes of exactly one frame
 * @to: room for @n_to, which is how many it has to hold
 *
 * Return: 0, or -EBADMSG when it is damaged.
 */
must_check int frame_unpack(struct frame_unpacker *u, void *to, size_t n_to, const void *from,
			    size_t n_from);

/**
 * frame_measure() - how long the frame is that begins here
 * @from:       @n_from bytes; the whole frame, unless it is damaged or the end of a file
 * @ret_packed: its bytes; 0: that cannot be told
 * @ret_bytes:  what it holds
 *
 * Return: 0, or -EBADMSG when no frame of ours begins here.
 */
must_check int frame_measure(const void *from, size_t n_from, size_t *ret_packed,
			     size_t *ret_bytes);
