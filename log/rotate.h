/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/** A segment without a line end grows by so much over its limit, then it ends in mid-line. */
#define ROTATE_OVER_MAX (UINT64_C(1) << 20)
/** No limit is smaller than this, however many streams share the total. */
#define ROTATE_LIMIT_MIN (UINT64_C(64) * 1024)

enum rotate_action {
	ROTATE_KEEP,     /* go on, up to the limit */
	ROTATE_SEEK,     /* due: go on up to the next line end */
	ROTATE_NOW,      /* due, and at a line end */
	ROTATE_MID_LINE, /* due, and the line does not end: the next segment continues it */
};

/**
 * struct rotate - whether a segment has to end
 * @limit_bytes: size at which rotation becomes due
 * @due_bytes:   size at which it did; 0: not due
 */
struct rotate {
	uint64_t limit_bytes;
	uint64_t due_bytes;
};

/** rotate_ask() - make rotation due whatever the size, unless the segment is empty */
void rotate_ask(struct rotate *r, uint64_t segment_bytes);

/**
 * rotate_is_due() - whether it matters where the last line ends
 */
bool rotate_is_due(struct rotate *r, uint64_t segment_bytes);

/**
 * rotate_decide() - what to do before the next batch
 * @at_line_end: the segment's last byte ends a line or a life; read only when it is due
 */
enum rotate_action rotate_decide(struct rotate *r, uint64_t segment_bytes, bool at_line_end);

/** rotate_room() - bytes that the next batch may have while the action is ROTATE_KEEP */
uint64_t rotate_room(const struct rotate *r, uint64_t segment_bytes);

/**
 * rotate_limit() - a segment's size when many streams share one total
 * @segment_bytes: as configured
 * @total_bytes:   cap on everything
 * @n_streams:     streams that are being written
 *
 * Only whole sealed segments can be deleted, so the ones in use must never fill the total: they get
 * half of it.
 */
uint64_t rotate_limit(uint64_t segment_bytes, uint64_t total_bytes, unsigned n_streams);
