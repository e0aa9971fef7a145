/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

#include "log/stream-id.h"

struct error;

/** First slot of a pipe that asks for none; those of a service are below. */
#define PIPE_SLOT_FIRST 1000
/** Pipes of one name at a time. */
#define PIPE_SLOTS_MAX 64

/**
 * struct pipe_slot - a stream that nobody else writes to, as long as it is held
 * @fd: lock
 */
struct pipe_slot {
	char *path;
	int fd;
};

/**
 * pipe_slot_take() - take a stream
 * @id:    its instance is chosen, unless @given
 *
 * Return: 0, -EBUSY when it is taken, negative errno; always with a text.
 */
must_check int pipe_slot_take(struct pipe_slot *s, const char *run_dir, struct stream_id *id,
			      bool given, struct error *err);

/** pipe_slot_done() - give it back; a zeroed slot with fd -1 is allowed */
void pipe_slot_done(struct pipe_slot *s);
