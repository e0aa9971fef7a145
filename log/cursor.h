/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

#include "log/stream-id.h"

struct text;

/** Streams that one cursor may name. */
#define CURSOR_STREAMS_MAX 16384

/**
 * struct cursor_place - where reading one stream goes on
 * @seq:    segment
 * @offset: in it, the beginning of a piece
 * @record: first index record that has not been passed; tells events at one offset apart
 * @passed_bytes: of the stream, up to there, deleted segments too; 0: not known
 */
struct cursor_place {
	struct stream_id id;
	uint64_t seq;
	uint64_t offset;
	uint64_t record;
	uint64_t passed_bytes;
};

/**
 * struct cursor - places of several streams, sorted by stream
 */
struct cursor {
	struct cursor_place *places;
	size_t n_places;
};

/** cursor_done() - free the places; @c is empty afterwards */
void cursor_done(struct cursor *c);

/** cursor_begin_text() - start the text of a cursor */
void cursor_begin_text(struct text *t);

/** cursor_add_text() - add one place to it */
void cursor_add_text(struct text *t, const struct cursor_place *place);

/**
 * cursor_parse() - read such a text, which comes from anybody
 * @ret_cursor: ended by cursor_done()
 *
 * Return: 0, -EINVAL, -ENOMEM.
 */
must_check int cursor_parse(const char *s, struct cursor *ret_cursor);

/** cursor_find() - the place of a stream, or NULL when the cursor does not know it; borrowed */
const struct cursor_place *cursor_find(const struct cursor *c, const struct stream_id *id);
