/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/** Bytes of the footer, which is the end of the table and of the file. */
#define SEEK_FOOTER_BYTES 9
/** Before the entries. */
#define SEEK_HEADER_BYTES 8

/**
 * struct seek_table - where the frames of a packed file are
 * @frame_bytes: what each of them holds but the last, which may hold less
 * @bytes:       what all of them hold
 * @ends:        per frame where it ends in the file; the first begins at 0
 */
struct seek_table {
	uint64_t *ends;
	size_t n_frames;
	size_t room;
	size_t frame_bytes;
	uint64_t bytes;
};

/** seek_table_done() - free; it is empty and can be used again */
void seek_table_done(struct seek_table *t);

/**
 * seek_table_add() - one frame more
 *
 * Return: 0, -ENOMEM, -EBADMSG when it cannot be the next: it is empty, or larger than those
 * before, or one of them was smaller than the first.
 */
must_check int seek_table_add(struct seek_table *t, uint64_t packed_bytes, size_t bytes);

/** seek_table_begin() - where frame @i begins in the file; for n_frames, where the last one ends */
uint64_t seek_table_begin(const struct seek_table *t, size_t i);

/** seek_table_size() - what frame @i holds */
size_t seek_table_size(const struct seek_table *t, size_t i);

/** seek_table_text_bytes() - length of the table as it stands in a file */
size_t seek_table_text_bytes(size_t n_frames, size_t entry_bytes);

/** seek_table_write() - write it to @to, which has room for seek_table_text_bytes(n_frames, 8) */
void seek_table_write(const struct seek_table *t, uint8_t *to);

/**
 * seek_footer_read() - how long the table of a file is
 * @footer:     the last SEEK_FOOTER_BYTES of a file of @file_bytes
 * @ret_bytes:  of the table, which ends with the file
 *
 * Return: 0, or -EBADMSG when there is no table.
 */
must_check int seek_footer_read(const uint8_t footer[static SEEK_FOOTER_BYTES], uint64_t file_bytes,
				size_t *ret_bytes);

/**
 * seek_table_read() - read a table
 * @from:       all of it, @n_from bytes
 * @file_bytes: of the file that ends with it; its frames lie before it, and may be followed by what
 *              is none
 * @ret_table:  ended by seek_table_done()
 *
 * Return: 0, -ENOMEM, -EBADMSG.
 */
must_check int seek_table_read(const uint8_t *from, size_t n_from, uint64_t file_bytes,
			       struct seek_table *ret_table);
