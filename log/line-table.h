/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/** A frame whose lines are not known by their number. */
#define LINES_UNKNOWN UINT32_MAX

/**
 * struct line_table - how many lines end in each frame of a packed file
 * @counts:      per frame: newlines, or LINES_UNKNOWN
 * @frame_bytes: what each of them holds but the last; 0 when it was read from a file
 * @bytes:       counted so far
 * @line_begin:  where the line begins in whose middle or at whose end that is
 */
struct line_table {
	uint32_t *counts;
	size_t n_frames;
	size_t room;
	size_t frame_bytes;
	uint64_t bytes;
	uint64_t line_begin;
};

/** line_table_done() - free; it is empty and can be used again */
void line_table_done(struct line_table *t);

/**
 * line_table_count() - count the lines of one frame more
 * @data:    its @n_bytes; NULL: they are lost, and so is the number of its lines
 * @n_bytes: as many as in the first one, or in the last one fewer
 *
 * Return: 0 or -ENOMEM.
 */
must_check int line_table_count(struct line_table *t, const char *data, size_t n_bytes);

/** line_table_end() - no frame comes any more */
void line_table_end(struct line_table *t);

/** line_table_lines() - lines that end in frame @i; LINES_UNKNOWN when there is no such frame */
uint32_t line_table_lines(const struct line_table *t, uint64_t i);

/** line_table_text_bytes() - length of the table as it stands in a file */
size_t line_table_text_bytes(size_t n_frames);

/** line_table_write() - write it to @to, which has room for line_table_text_bytes() */
void line_table_write(const struct line_table *t, uint8_t *to);

/**
 * line_table_read() - read a table
 * @from:      line_table_text_bytes(n_frames)
 * @ret_table: ended by line_table_done()
 *
 * Return: 0, -ENOMEM, -EBADMSG.
 */
must_check int line_table_read(const uint8_t *from, size_t n_frames, struct line_table *ret_table);
