/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

#include "log/cursor.h"
#include "log/filter.h"
#include "log/segment-view.h"

struct store;

/**
 * struct tape - one stream, read line by line in either direction
 * @seqs:    numbers of its @n_seqs segments, ascending; @i_seq is the current one
 * @is_final: @view was looked at when there was a next segment already, so it is all there is
 * @offset:  beginning of the next line
 * @record:  first index record that has not been passed
 * @line:    what lies at @offset, if @has_line
 * @next_offset @next_record: behind that line
 * @expected_bytes: place in the whole stream at which the next segment should begin; 0: any
 * @skipped_bytes: deleted by retention before they were read
 */
struct tape {
	const struct store *store;
	struct stream_id id;
	uint64_t *seqs;
	size_t n_seqs;
	size_t seqs_room;
	size_t i_seq;
	struct segment_view view;
	bool is_final;
	uint64_t offset;
	uint64_t record;
	struct line line;
	bool has_line;
	uint64_t next_offset;
	uint64_t next_record;
	uint64_t expected_bytes;
	uint64_t skipped_bytes;
};

/** tape_init() - a stream without segments, to be filled by tape_add() */
void tape_init(struct tape *t, const struct store *store, const struct stream_id *id);

/** tape_done() - close and free */
void tape_done(struct tape *t);

/** tape_add() - there is a segment of that number; known ones are ignored; Return: 0 or -ENOMEM */
must_check int tape_add(struct tape *t, uint64_t seq);

/**
 * tape_enter() - open segment @i and go to its beginning
 *
 * Those that are gone are forgotten, and the next one that is left is taken.
 *
 * Return: 1, 0 when none is left, negative errno.
 */
must_check int tape_enter(struct tape *t, size_t i);

/** tape_seek_begin() - to the oldest line; Return: 0 or negative errno */
must_check int tape_seek_begin(struct tape *t);

/** tape_seek_since() - to a place from which no line of that time or life is missed */
must_check int tape_seek_since(struct tape *t, usec_t since_usec, uint64_t since_life);

/** tape_seek_until() - behind the last line of that time (0: behind the last there is) */
must_check int tape_seek_until(struct tape *t, usec_t until_usec);

/** tape_seek_place() - to a place that a cursor named, or to the first line that is left behind it
 */
must_check int tape_seek_place(struct tape *t, const struct cursor_place *place);

/** tape_place() - where the current line begins, or the next one will */
struct cursor_place tape_place(const struct tape *t);

/**
 * tape_load() - find out the line at the current place
 *
 * Return: 1 with t->line; 0 when there is none (yet); negative errno.
 */
must_check int tape_load(struct tape *t);

/** tape_advance() - go behind the line that was loaded; its text stays valid until the next load */
void tape_advance(struct tape *t);

/** tape_skip_segment() - leave the current segment; Return: 1, 0 when it was the last, -errno */
must_check int tape_skip_segment(struct tape *t);

/**
 * tape_back() - go to the line before and load it
 *
 * Return: 1, 0 at the beginning, negative errno.
 */
must_check int tape_back(struct tape *t);

/**
 * tape_leap() - after tape_back(): go back over lines that the index has counted
 * @max_lines:   at most over so many
 * @since_usec:  and over none that is older
 * @ret_n_lines: over so many; 0: the tape stands where it stood. Else no line is loaded
 *
 * All of them belong to the life of the line that was loaded. One that was damaged counts.
 *
 * Return: 0 or negative errno.
 */
must_check int tape_leap(struct tape *t, uint64_t max_lines, usec_t since_usec,
			 uint64_t *ret_n_lines);

/**
 * tape_refresh() - see what has been written since
 *
 * Segments that were made meanwhile have to be added before.
 *
 * Return: 0 or negative errno.
 */
must_check int tape_refresh(struct tape *t);

/** tape_rest() - give back memory and descriptors while there is nothing to read */
void tape_rest(struct tape *t);

/** tape_forget_before() - the segments before @i are gone */
void tape_forget_before(struct tape *t, size_t i);

/** tape_newest() - number of the newest segment; 0: none */
uint64_t tape_newest(const struct tape *t);
