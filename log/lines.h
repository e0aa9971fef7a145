/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/** Longest line that is handed out in one piece, without its newline. */
#define LINE_BYTES_MAX ((size_t)64 * 1024)
/** So many bytes before a place always tell where the piece around it begins. */
#define LINE_LOOK_BACK_MAX (2 * LINE_BYTES_MAX + 1)
/** So many bytes behind the beginning of a piece always tell where it ends. */
#define LINE_LOOK_AHEAD_MAX (LINE_BYTES_MAX + 1)

#define LINES_CUT 2

/**
 * struct line_piece - what is handed out as one line
 * @text_bytes:  without the newline
 * @total_bytes: with it; where the next piece begins
 * @cut:         the line was too long: the next piece goes on with it
 * @ended:       there was a newline
 */
struct line_piece {
	size_t text_bytes;
	size_t total_bytes;
	bool cut;
	bool ended;
};

/**
 * lines_next() - the piece that begins where the window begins
 * @bytes:  window of @n_bytes
 * @offset: where the window begins in the segment; a line's beginning or a cut
 * @ret_piece: on 1
 *
 * Return: 1, or 0 when the window is too short to tell: the caller has more bytes, or knows that
 * there are none and takes the whole window as the piece.
 */
must_check int lines_next(const char *bytes, size_t n_bytes, uint64_t offset,
			  struct line_piece *ret_piece);

/**
 * lines_back() - where the piece begins that ends at @offset
 * @bytes:  the @n_bytes before @offset
 * @offset: a piece's end: behind a newline, a cut, or the end of the data
 * @hard:   the window's beginning is a line's beginning (start of the segment or of a life)
 * @ret_offset: on 1
 *
 * Return: 1, LINES_CUT when it is a cut in a long line (so that the caller must make sure that no
 * life begins in between), 0 when more bytes are needed (never with LINE_LOOK_BACK_MAX of them).
 */
must_check int lines_back(const char *bytes, size_t n_bytes, uint64_t offset, bool hard,
			  uint64_t *ret_offset);

/**
 * lines_align() - where a piece begins from which lines_next() comes to @offset
 * @bytes, @hard, @ret_offset: as for lines_back(); @offset is any place
 *
 * Return: as lines_back().
 */
must_check int lines_align(const char *bytes, size_t n_bytes, uint64_t offset, bool hard,
			   uint64_t *ret_offset);
