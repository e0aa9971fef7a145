/* SPDX-License-Identifier: MIT */

/*
 * How many lines there are in each frame of a packed file, so that whoever only has to pass them
 * need not read them.
 *
 * Who packs counts newlines while the bytes are at hand. The table stands between the frames and
 * the seek table, in a frame that every reader of zstd skips. All numbers are little endian, and
 * the sum is over the mark and the numbers.
 *
 *   5E 2A 4D 18 | bytes that follow | "skln" | lines… | sum
 *
 * A line is more than a newline where one is too long for a reader: it is handed out in pieces. The
 * frames that such a line touches have no number, and neither have damaged ones. Lines that a life
 * ended are known from the index only, and whoever uses the table looks there.
 *
 * A file without this table is one of a former version, and is read as ever.
 */

#include "log/line-table.h"

#include <stdlib.h>
#include <string.h>

#include "log/le32.h"
#include "log/lines.h"

#define SKIPPABLE_MAGIC 0x184D2A5Eu
#define MARK 0x6e6c6b73u /* "skln" */
#define HEADER_BYTES 12
#define ENTRY_BYTES 4
#define SUM_BYTES 4

/* FNV-1a. */
static uint32_t sum_of(const uint8_t *bytes, size_t n_bytes)
{
	uint32_t sum = 2166136261u;

	for (size_t i = 0; i < n_bytes; i++)
		sum = (sum ^ bytes[i]) * 16777619u;
	return sum;
}

void line_table_done(struct line_table *t)
{
	free(t->counts);
	*t = (struct line_table){0};
}

/* --- counting --------------------------------------------------------------------------------- */

/* A line ends at @end. */
static void line_ends(struct line_table *t, uint64_t end)
{
	uint64_t first = t->line_begin / t->frame_bytes, last = end / t->frame_bytes;

	if (end - t->line_begin <= LINE_BYTES_MAX)
		return;
	for (uint64_t i = first; i <= last && i < t->n_frames; i++)
		t->counts[i] = LINES_UNKNOWN;
}

static void newlines_count(struct line_table *t, const char *data, size_t n_bytes)
{
	uint32_t *count = &t->counts[t->n_frames - 1], n = 0;

	for (const char *p = data, *end = data + n_bytes;
	     p < end && (p = memchr(p, '\n', (size_t)(end - p))); p++, n++) {
		line_ends(t, t->bytes + (uint64_t)(p - data));
		t->line_begin = t->bytes + (uint64_t)(p - data) + 1;
	}
	if (*count != LINES_UNKNOWN)
		*count = n;
}

int line_table_count(struct line_table *t, const char *data, size_t n_bytes)
{
	if (t->n_frames == t->room) {
		size_t room = MAX_OF(t->room * 2, (size_t)16);
		uint32_t *grown = reallocarray(t->counts, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		t->counts = grown;
		t->room = room;
	}
	if (t->n_frames == 0)
		t->frame_bytes = n_bytes;
	t->counts[t->n_frames++] = data ? 0 : LINES_UNKNOWN;
	if (data) {
		newlines_count(t, data, n_bytes);
	} else { /* a line ends before it, and one begins behind it */
		line_ends(t, t->bytes);
		t->line_begin = t->bytes + n_bytes;
	}
	t->bytes += n_bytes;
	return 0;
}

void line_table_end(struct line_table *t)
{
	if (t->n_frames > 0)
		line_ends(t, t->bytes);
}

uint32_t line_table_lines(const struct line_table *t, uint64_t i)
{
	return i < t->n_frames ? t->counts[i] : LINES_UNKNOWN;
}

/* --- in a file -------------------------------------------------------------------------------- */

size_t line_table_text_bytes(size_t n_frames)
{
	return HEADER_BYTES + n_frames * ENTRY_BYTES + SUM_BYTES;
}

void line_table_write(const struct line_table *t, uint8_t *to)
{
	size_t n_bytes = line_table_text_bytes(t->n_frames);

	le32_put(to, SKIPPABLE_MAGIC);
	le32_put(to + 4, (uint32_t)(n_bytes - 8));
	le32_put(to + 8, MARK);
	for (size_t i = 0; i < t->n_frames; i++)
		le32_put(to + HEADER_BYTES + i * ENTRY_BYTES, t->counts[i]);
	le32_put(to + n_bytes - SUM_BYTES, sum_of(to + 8, n_bytes - 8 - SUM_BYTES));
}

int line_table_read(const uint8_t *from, size_t n_frames, struct line_table *ret_table)
{
	size_t n_bytes = line_table_text_bytes(n_frames);
	uint32_t *counts;

	if (le32_get(from) != SKIPPABLE_MAGIC || le32_get(from + 4) != n_bytes - 8 ||
	    le32_get(from + 8) != MARK ||
	    le32_get(from + n_bytes - SUM_BYTES) != sum_of(from + 8, n_bytes - 8 - SUM_BYTES))
		return -EBADMSG;
	counts = calloc(MAX_OF(n_frames, (size_t)1), sizeof(*counts));
	if (!counts)
		return -ENOMEM;
	for (size_t i = 0; i < n_frames; i++)
		counts[i] = le32_get(from + HEADER_BYTES + i * ENTRY_BYTES);
	*ret_table = (struct line_table){.counts = counts, .n_frames = n_frames, .room = n_frames};
	return 0;
}
