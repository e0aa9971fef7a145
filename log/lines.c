/* SPDX-License-Identifier: MIT */

/*
 * Bytes to lines, forwards and backwards, with bounded memory.
 *
 * A line longer than LINE_BYTES_MAX is handed out in pieces. The pieces are not counted from the
 * line's beginning (one could only find them by reading all of a 100 MB line) but cut at multiples
 * of LINE_BYTES_MAX of the segment. So whoever comes from anywhere, forwards or backwards, finds
 * the same pieces after looking at no more than LINE_LOOK_BACK_MAX bytes: if there is no newline in
 * them, the line is long for sure, and the multiples near by are cuts.
 *
 * Only '\n' ends a line. NUL bytes and invalid UTF-8 are bytes like others.
 */

#include "log/lines.h"

#include <string.h>

int lines_next(const char *bytes, size_t n_bytes, uint64_t offset, struct line_piece *ret_piece)
{
	size_t look = MIN_OF(n_bytes, LINE_LOOK_AHEAD_MAX);
	const char *newline = look ? memchr(bytes, '\n', look) : NULL;
	size_t piece;

	if (newline) {
		piece = (size_t)(newline - bytes);
		*ret_piece = (struct line_piece){
			.text_bytes = piece, .total_bytes = piece + 1, .ended = true};
		return 1;
	}
	if (look < LINE_LOOK_AHEAD_MAX)
		return 0;
	piece = LINE_BYTES_MAX - (size_t)(offset % LINE_BYTES_MAX);
	*ret_piece = (struct line_piece){.text_bytes = piece, .total_bytes = piece, .cut = true};
	return 1;
}

/* The beginning of the line in whose middle or at whose end the window ends; 0: not in it. */
static int line_start(const char *bytes, size_t n_bytes, uint64_t offset, bool hard,
		      uint64_t *ret_start)
{
	const char *newline = n_bytes ? memrchr(bytes, '\n', n_bytes) : NULL;

	if (newline)
		*ret_start = offset - n_bytes + (uint64_t)(newline - bytes) + 1;
	else if (hard)
		*ret_start = offset - n_bytes;
	else
		return 0;
	return 1;
}

int lines_back(const char *bytes, size_t n_bytes, uint64_t offset, bool hard, uint64_t *ret_offset)
{
	size_t newline = n_bytes > 0 && bytes[n_bytes - 1] == '\n';
	uint64_t content_end = offset - newline, start;
	bool known = line_start(bytes, n_bytes - newline, content_end, hard, &start) == 1;

	if (!known && n_bytes < LINE_LOOK_BACK_MAX)
		return 0;
	if (known && content_end - start <= LINE_BYTES_MAX) {
		*ret_offset = start;
		return 1;
	}
	/* The last cut: a last piece of exactly LINE_BYTES_MAX ends at a multiple itself. */
	*ret_offset = (content_end - 1) / LINE_BYTES_MAX * LINE_BYTES_MAX;
	return LINES_CUT;
}

int lines_align(const char *bytes, size_t n_bytes, uint64_t offset, bool hard, uint64_t *ret_offset)
{
	if (line_start(bytes, n_bytes, offset, hard, ret_offset) == 1)
		return 1;
	if (n_bytes < LINE_LOOK_BACK_MAX)
		return 0;
	*ret_offset = offset / LINE_BYTES_MAX * LINE_BYTES_MAX;
	return LINES_CUT;
}
