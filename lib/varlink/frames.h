/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

/*
 * Varlink framing: JSON texts, each ended by a NUL byte, in one growing buffer. The same buffer
 * serves what comes in and what goes out.
 */

/** Longest message that is accepted or sent. */
#define VARLINK_MESSAGE_MAX ((size_t)16 * 1024 * 1024)

/**
 * struct frames - bytes between @start and @end
 * @data:    heap, @cap bytes; NULL while empty
 * @scanned: no NUL byte stands before this offset (input only)
 * @max:     longest message, without its NUL
 */
struct frames {
	char *data;
	size_t start;
	size_t scanned;
	size_t end;
	size_t cap;
	size_t max;
};

/** frames_init() - an empty buffer for messages of at most @max_bytes */
void frames_init(struct frames *f, size_t max_bytes);

/** frames_done() - free the bytes; @f is empty and may be used again */
void frames_done(struct frames *f);

/** frames_len() - bytes in the buffer */
size_t frames_len(const struct frames *f);

/**
 * frames_room() - make room for bytes that are about to be received, while no message waits
 * @ret_room: where to put them; borrowed until the next call
 * @ret_size: how many fit, at least one
 *
 * Return: 0, -EMSGSIZE when the message that is begun is already as long as it may be, -ENOMEM.
 */
must_check int frames_room(struct frames *f, char **ret_room, size_t *ret_size);

/** frames_received() - @n_bytes were put into the room */
void frames_received(struct frames *f, size_t n_bytes);

/** frames_waiting() - whether a complete message is there; looks at each byte once */
bool frames_waiting(struct frames *f);

/**
 * frames_next() - take the oldest complete message
 * @ret_message: its bytes, NUL-terminated; valid until frames_room() or frames_done()
 * @ret_len:     without the NUL
 *
 * Return: false when no message is complete.
 */
bool frames_next(struct frames *f, const char **ret_message, size_t *ret_len);

/**
 * frames_append() - write a message behind the others
 * @message: borrowed
 *
 * Return: 0, -EMSGSIZE or -ENOMEM; then the buffer is as it was.
 */
must_check int frames_append(struct frames *f, const json_t *message);

/** struct frames_part - @n bytes of a message that is written as text */
struct frames_part {
	const char *bytes;
	size_t n;
};

/** frames_append_parts() - frames_append() of a message that is text already, in @n_parts parts */
must_check int frames_append_parts(struct frames *f, const struct frames_part *parts,
				   size_t n_parts);

/** frames_sent() - drop the first @n_bytes; a large buffer that became empty is given back */
void frames_sent(struct frames *f, size_t n_bytes);
