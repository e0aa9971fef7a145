/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

#include "log/frame.h"

/** Unpacked frames that are held at a time. */
#define FRAME_CACHE_SLOTS 8

struct frame_cache;
struct packed;

/** frame_cache_new() - an empty one; Return: 0 or -ENOMEM */
must_check int frame_cache_new(struct frame_cache **ret_cache);

/** frame_cache_free() - NULL is allowed */
void frame_cache_free(struct frame_cache *c);

/**
 * frame_cache_get() - the bytes of frame @i of a packed file
 * @ret_data: borrowed until the next call, as many as seek_table_size() says
 *
 * Return: 0, -EBADMSG when the frame is damaged, negative errno when it cannot be read.
 */
must_check int frame_cache_get(struct frame_cache *c, const struct packed *p, size_t i,
			       const char **ret_data);

/** frame_cache_id() - a number for a packed file that is opened; never given twice, never 0 */
uint64_t frame_cache_id(struct frame_cache *c);

/** frame_cache_forget() - the file of that number is not read any more: give its memory back */
void frame_cache_forget(struct frame_cache *c, uint64_t id);
