/* SPDX-License-Identifier: MIT */

/*
 * The table behind the frames of a packed file, in the Zstandard seekable format: a frame that
 * every reader of zstd skips, with the two lengths of each frame, and a footer from which it is
 * found. All numbers are little endian.
 *
 *   5E 2A 4D 18 | bytes that follow | (packed, bytes[, checksum])… | frames | flags | B1 EA 92 8F
 *
 * All our frames but the last hold the same, so a place is found by a division, and only the ends
 * in the file are kept. A table that says otherwise is not one of ours.
 */

#include "log/seek-table.h"

#include <stdlib.h>
#include <string.h>

#include "log/frame.h"
#include "log/le32.h"

#define SKIPPABLE_MAGIC 0x184D2A5Eu
#define SEEKABLE_MAGIC 0x8F92EAB1u
#define FLAG_CHECKSUMS 0x80
#define FLAGS_RESERVED 0x7C
#define ENTRY_BYTES 8
#define FRAMES_MAX (UINT32_C(1) << 22)

void seek_table_done(struct seek_table *t)
{
	free(t->ends);
	*t = (struct seek_table){0};
}

int seek_table_add(struct seek_table *t, uint64_t packed_bytes, size_t bytes)
{
	bool last_was_short = t->bytes != (uint64_t)t->n_frames * t->frame_bytes;

	if (bytes == 0 || bytes > (t->n_frames ? t->frame_bytes : FRAME_BYTES_MAX) ||
	    last_was_short || t->n_frames == FRAMES_MAX)
		return -EBADMSG;
	if (t->n_frames == t->room) {
		size_t room = MAX_OF(t->room * 2, (size_t)16);
		uint64_t *grown = reallocarray(t->ends, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		t->ends = grown;
		t->room = room;
	}
	t->ends[t->n_frames] = seek_table_begin(t, t->n_frames) + packed_bytes;
	if (t->n_frames++ == 0)
		t->frame_bytes = bytes;
	t->bytes += bytes;
	return 0;
}

uint64_t seek_table_begin(const struct seek_table *t, size_t i)
{
	return i ? t->ends[i - 1] : 0;
}

size_t seek_table_size(const struct seek_table *t, size_t i)
{
	return (size_t)MIN_OF((uint64_t)t->frame_bytes, t->bytes - (uint64_t)i * t->frame_bytes);
}

size_t seek_table_text_bytes(size_t n_frames, size_t entry_bytes)
{
	return SEEK_HEADER_BYTES + n_frames * entry_bytes + SEEK_FOOTER_BYTES;
}

void seek_table_write(const struct seek_table *t, uint8_t *to)
{
	size_t n_bytes = seek_table_text_bytes(t->n_frames, ENTRY_BYTES);

	le32_put(to, SKIPPABLE_MAGIC);
	le32_put(to + 4, (uint32_t)(n_bytes - SEEK_HEADER_BYTES));
	to += SEEK_HEADER_BYTES;
	for (size_t i = 0; i < t->n_frames; i++, to += ENTRY_BYTES) {
		le32_put(to, (uint32_t)(t->ends[i] - seek_table_begin(t, i)));
		le32_put(to + 4, (uint32_t)seek_table_size(t, i));
	}
	le32_put(to, (uint32_t)t->n_frames);
	to[4] = 0;
	le32_put(to + 5, SEEKABLE_MAGIC);
}

static size_t entry_bytes(const uint8_t footer[static SEEK_FOOTER_BYTES])
{
	return footer[4] & FLAG_CHECKSUMS ? ENTRY_BYTES + 4 : ENTRY_BYTES;
}

int seek_footer_read(const uint8_t footer[static SEEK_FOOTER_BYTES], uint64_t file_bytes,
		     size_t *ret_bytes)
{
	uint32_t n_frames = le32_get(footer);

	if (le32_get(footer + 5) != SEEKABLE_MAGIC || footer[4] & FLAGS_RESERVED ||
	    n_frames > FRAMES_MAX ||
	    seek_table_text_bytes(n_frames, entry_bytes(footer)) > file_bytes)
		return -EBADMSG;
	*ret_bytes = seek_table_text_bytes(n_frames, entry_bytes(footer));
	return 0;
}

static int entries_read(struct seek_table *t, const uint8_t *from, size_t n_frames, size_t step)
{
	int r = 0;

	for (size_t i = 0; i < n_frames && r == 0; i++, from += step)
		r = seek_table_add(t, le32_get(from), le32_get(from + 4));
	return r;
}

int seek_table_read(const uint8_t *from, size_t n_from, uint64_t file_bytes,
		    struct seek_table *ret_table)
{
	struct seek_table t = {0};
	const uint8_t *footer;
	size_t n_bytes;
	int r;

	if (n_from < SEEK_HEADER_BYTES + SEEK_FOOTER_BYTES || n_from > file_bytes)
		return -EBADMSG;
	footer = from + n_from - SEEK_FOOTER_BYTES;
	if (seek_footer_read(footer, file_bytes, &n_bytes) < 0 || n_bytes != n_from ||
	    le32_get(from) != SKIPPABLE_MAGIC || le32_get(from + 4) != n_bytes - SEEK_HEADER_BYTES)
		return -EBADMSG;
	r = entries_read(&t, from + SEEK_HEADER_BYTES, le32_get(footer), entry_bytes(footer));
	if (r == 0 && seek_table_begin(&t, t.n_frames) > file_bytes - n_bytes)
		r = -EBADMSG;
	if (r < 0) {
		seek_table_done(&t);
		return r;
	}
	*ret_table = t;
	return 0;
}
