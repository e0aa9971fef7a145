/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"
#include "lib/list.h"

#include "log/catalog.h"
#include "log/lives.h"
#include "log/peek.h"
#include "log/rotate.h"
#include "log/segment.h"
#include "log/store.h"

struct board;
struct board_row;
struct feed;

/** How long a stream that cannot be stored waits before the next try. */
#define STREAM_RETRY_USEC (1 * USEC_PER_SEC)

/**
 * struct stream_shared - what all streams of a writer use
 * @catalog:      segments that nobody writes; its shares count those of the streams as well
 * @open_bytes:   stored in segments that are being written, indexes included
 * @n_open:       such segments
 * @n_sealed:     segments that were ended and have a successor, since the start
 * @limit_bytes:  size of a segment
 */
struct stream_shared {
	struct store store;
	struct peek peek;
	struct catalog catalog;
	struct board *board;
	uint64_t open_bytes;
	uint64_t n_open;
	uint64_t n_sealed;
	uint64_t limit_bytes;
};

enum stream_state {
	STREAM_COLLECTING,
	STREAM_BLOCKED,  /* could not be stored; waits until retry_usec */
	STREAM_DROPPING, /* could not be stored; throws away, and tries again from retry_usec on */
};

/**
 * struct stream - where one stream's bytes go
 * @share:         its service's
 * @policy:        enum intake_policy of the last offer
 * @counted_bytes: what of this stream is in shared->open_bytes and in its share
 * @fresh:         the next segment is a new one even if the newest could be gone on with
 * @dropped_bytes: thrown away since the last mark in the index
 * @dropped_mid_line: the last of them was no newline
 * @code:          negative errno behind the state
 * @row:           NULL when the board is full
 */
struct stream {
	struct stream_id id;
	struct stream_shared *shared;
	struct share *share;
	struct lives lives;
	struct segment segment;
	struct rotate rotate;
	struct board_row *row;
	enum stream_state state;
	int code;
	uint32_t policy;
	bool fresh;
	bool dropped_mid_line;
	uint64_t counted_bytes;
	uint64_t dropped_bytes;
	usec_t retry_usec;
};

/** stream_shared_show() - put on the board how much is stored */
void stream_shared_show(const struct stream_shared *shared);

/** stream_shared_packed() - a segment takes @bytes now; ignored when it has been deleted meanwhile
 */
void stream_shared_packed(struct stream_shared *shared, const struct stream_id *id, uint64_t seq,
			  uint64_t bytes);

/** stream_shared_disown() - delete what is left of a segment that was deleted before, if it was */
void stream_shared_disown(struct stream_shared *shared, const struct stream_id *id, uint64_t seq);

/** stream_init() - no segment is opened yet; Return: 0 or -ENOMEM, and then it needs no end */
must_check int stream_init(struct stream *s, struct stream_shared *shared,
			   const struct stream_id *id);

/** stream_done() - close the segment; from now on it may be deleted */
void stream_done(struct stream *s);

/**
 * stream_take() - store a batch
 * @f:        of the life whose turn it is
 * @life:     its number
 * @now_usec: monotonic
 *
 * Return: bytes that left the feed, 0 at its end of file, -EAGAIN when it is empty, or -EBUSY when
 * nothing can be stored before retry_usec (said once, in the log).
 */
must_check ssize_t stream_take(struct stream *s, struct feed *f, uint64_t life, usec_t now_usec);

/** stream_end_life() - everything of that life is stored */
void stream_end_life(struct stream *s, uint64_t life);

/** stream_rotate() - begin a new segment, now or at the next line end */
void stream_rotate(struct stream *s);

/**
 * stream_expire() - begin a new segment if everything in the current one is too old
 *
 * Return: when that will be the case, wall clock, or USEC_INFINITY.
 */
usec_t stream_expire(struct stream *s, usec_t now_at_usec);

/** stream_due() - when the newest byte will be too old, wall clock, or USEC_INFINITY */
usec_t stream_due(const struct stream *s);
