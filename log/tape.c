/* SPDX-License-Identifier: MIT */

/*
 * A tape: one stream as a sequence of lines, through all its segments.
 *
 * A line's time is the arrival of its last byte, so that lines which follow a growing stream come
 * in the order of their times. A life's beginning or end, and a mark of dropped bytes, end a line
 * whether there is a newline or not; the end of a segment does too, since only a line longer than
 * any piece ever crosses it. What is behind the last newline of a stream that goes on is a line
 * that is still open.
 *
 * Bytes that were damaged on the disk are one line that says how many they are; a line ends before
 * them and another begins behind them.
 *
 * Segments disappear under a reader's hands when retention deletes them. One that is open stays
 * readable; after it the tape goes on with the oldest one that is left and says how much it missed.
 */

#include "log/tape.h"

#include <string.h>

#include "log/lines.h"

/** What tape_piece() found beside the rest of a segment. */
#define PIECE_WHOLE 1
#define PIECE_DAMAGED 2

/** How far to look for a newline, step by step: first in what is at hand. */
static const size_t look_steps[] = {1, 16 * 1024, LINE_LOOK_AHEAD_MAX};

void tape_init(struct tape *t, const struct store *store, const struct stream_id *id)
{
	*t = (struct tape){.store = store, .id = *id};
	view_init(&t->view);
}

void tape_done(struct tape *t)
{
	view_close(&t->view);
	free(t->seqs);
	t->seqs = NULL;
	t->n_seqs = 0;
}

int tape_add(struct tape *t, uint64_t seq)
{
	size_t at = t->n_seqs;

	while (at > 0 && t->seqs[at - 1] >= seq)
		at--;
	if (at < t->n_seqs && t->seqs[at] == seq)
		return 0;
	if (t->n_seqs == t->seqs_room) {
		size_t room = MAX_OF(t->seqs_room * 2, (size_t)8);
		uint64_t *grown = reallocarray(t->seqs, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		t->seqs = grown;
		t->seqs_room = room;
	}
	memmove(&t->seqs[at + 1], &t->seqs[at], (t->n_seqs - at) * sizeof(*t->seqs));
	t->seqs[at] = seq;
	t->n_seqs++;
	if (at < t->i_seq || (at == t->i_seq && at + 1 < t->n_seqs))
		t->i_seq++;
	return 0;
}

uint64_t tape_newest(const struct tape *t)
{
	return t->n_seqs ? t->seqs[t->n_seqs - 1] : 0;
}

/* --- segments --------------------------------------------------------------------------------- */

static void tape_forget_at(struct tape *t, size_t i)
{
	memmove(&t->seqs[i], &t->seqs[i + 1], (t->n_seqs - i - 1) * sizeof(*t->seqs));
	t->n_seqs--;
}

void tape_forget_before(struct tape *t, size_t i)
{
	memmove(t->seqs, &t->seqs[i], (t->n_seqs - i) * sizeof(*t->seqs));
	t->n_seqs -= i;
	t->i_seq -= i;
}

/* Open the segment at i_seq, or the first behind it that is left; 1, or 0 when none is. */
static int tape_open(struct tape *t)
{
	while (t->i_seq < t->n_seqs) {
		int r = view_open(&t->view, t->store, &t->id, t->seqs[t->i_seq]);

		if (r == 0) {
			uint64_t base = t->view.header.base_bytes;

			if (t->offset == 0 && t->expected_bytes > 0 && base > t->expected_bytes)
				t->skipped_bytes += base - t->expected_bytes;
			t->expected_bytes = 0;
			t->is_final = false;
			return 1;
		}
		if (r != -ENOENT)
			return r;
		tape_forget_at(t, t->i_seq);
		t->offset = 0;
		t->record = 0;
	}
	return 0;
}

int tape_enter(struct tape *t, size_t i)
{
	view_close(&t->view);
	t->has_line = false;
	t->i_seq = i;
	t->offset = 0;
	t->record = 0;
	return tape_open(t);
}

/* The place in the whole stream; 0 where the index does not say. */
static uint64_t tape_passed(const struct tape *t, uint64_t offset)
{
	return t->view.header.magic ? t->view.header.base_bytes + offset : 0;
}

void tape_rest(struct tape *t)
{
	if (!view_is_open(&t->view))
		return;
	t->expected_bytes = tape_passed(t, t->offset);
	t->has_line = false;
	view_close(&t->view);
}

int tape_refresh(struct tape *t)
{
	int r;

	t->has_line = false;
	if (view_is_open(&t->view))
		return view_refresh(&t->view);
	r = tape_open(t);
	return MIN_OF(r, 0);
}

int tape_skip_segment(struct tape *t)
{
	if (t->i_seq + 1 >= t->n_seqs)
		return 0;
	t->expected_bytes = tape_passed(t, t->view.bytes);
	return tape_enter(t, t->i_seq + 1);
}

/* Whether the next segment goes on with the last line of this one. */
static bool tape_is_continued(const struct tape *t)
{
	struct segment_view next;
	bool continues;

	if (t->i_seq + 1 >= t->n_seqs ||
	    view_open(&next, t->store, &t->id, t->seqs[t->i_seq + 1]) < 0)
		return false;
	continues = next.header.flags & INDEX_FLAG_CONTINUES;
	view_close(&next);
	return continues;
}

/* --- forwards --------------------------------------------------------------------------------- */

static int tape_mark(struct tape *t, const struct index_record *record)
{
	struct index_record before = {.value = t->view.header.life};

	if (t->record > 0) {
		int r = view_record(&t->view, t->record - 1, &before);

		if (r < 0)
			return r;
	}
	t->line = (struct line){.id = &t->id,
				.at_usec = index_record_at(record),
				.life = before.value,
				.dropped = record->value};
	t->next_offset = t->offset;
	t->next_record = t->record + 1;
	return 1;
}

/* Pass the records up to the offset; 1 when one of them is itself something to show. */
static int tape_pass_records(struct tape *t)
{
	for (; t->record < t->view.n_records; t->record++) {
		struct index_record record;
		int r = view_record(&t->view, t->record, &record);

		if (r < 0)
			return r;
		if (record.end > t->offset)
			return 0;
		if (index_record_kind(&record) == INDEX_DROPPED && record.end == t->offset)
			return tape_mark(t, &record);
	}
	return 0;
}

/* The bytes at the offset, and the piece that a newline or a cut makes of them; 0: all that is
 * left of the segment or before a damage; PIECE_DAMAGED: there are none any more. */
static int tape_piece(struct tape *t, const char **ret_bytes, struct line_piece *ret_piece)
{
	for (size_t i = 0; i < ARRAY_LEN(look_steps); i++) {
		uint64_t n;
		int r = view_bytes(&t->view, t->offset, look_steps[i], ret_bytes, &n);

		if (r < 0)
			return r;
		*ret_piece = (struct line_piece){.text_bytes = n, .total_bytes = n};
		if (r == VIEW_DAMAGED) {
			*ret_bytes = NULL;
			return PIECE_DAMAGED;
		}
		if (n > 0 && lines_next(*ret_bytes, n, t->offset, ret_piece) > 0)
			return PIECE_WHOLE;
		if (n < look_steps[i])
			break;
	}
	return 0;
}

/* A line that a mark ends before it would be too long is not cut. Return: 0 or negative errno. */
static int tape_uncut(struct tape *t, struct line_piece *piece)
{
	uint64_t limit = t->offset + LINE_BYTES_MAX;
	struct index_record record;

	for (uint64_t i = t->record; piece->cut && i < t->view.n_records; i++) {
		int r = view_record(&t->view, i, &record);

		if (r < 0)
			return r;
		if (record.end > limit)
			break;
		if (index_record_kind(&record) != INDEX_DATA && record.end > t->offset) {
			piece->total_bytes = piece->text_bytes = (size_t)(record.end - t->offset);
			piece->cut = false;
		}
	}
	return 0;
}

/*
 * Find the record that the piece's last byte came with, and let a mark in between end it.
 * Return: 1 when a mark ended it, 0, or negative errno.
 */
static int tape_stamp(struct tape *t, struct line_piece *piece)
{
	uint64_t end = t->offset + piece->total_bytes;
	struct index_record record;

	for (uint64_t i = t->record; i < t->view.n_records; i++) {
		int r = view_record(&t->view, i, &record);

		if (r < 0)
			return r;
		t->next_record = i;
		if (record.end > end && index_record_kind(&record) != INDEX_DATA)
			return 0;
		if (index_record_kind(&record) == INDEX_DATA) {
			t->line.at_usec = index_record_at(&record);
			t->line.life = record.value;
			if (record.end > end || (record.end == end && (piece->ended || piece->cut)))
				return 0;
		} else if (record.end > t->offset && (record.end < end || !piece->ended)) {
			*piece = (struct line_piece){.text_bytes = (size_t)(record.end - t->offset),
						     .total_bytes =
							     (size_t)(record.end - t->offset)};
			return 1;
		}
	}
	return 0;
}

/* The line is known but for its text: a piece, or what is said in its stead. */
static void tape_fill_line(struct tape *t, const char *bytes, const struct line_piece *piece,
			   int found)
{
	t->next_offset = t->offset + piece->total_bytes;
	t->line.damaged = found == PIECE_DAMAGED;
	if (t->line.damaged) {
		t->line.dropped = piece->total_bytes;
		return;
	}
	t->line.text = bytes;
	t->line.n_bytes = piece->text_bytes;
	t->line.cut = piece->cut;
	if (found == 0 && t->next_offset == t->view.bytes) {
		t->line.open = t->i_seq + 1 >= t->n_seqs;
		t->line.cut = tape_is_continued(t);
	}
}

static int tape_load_here(struct tape *t)
{
	struct line_piece piece;
	const char *bytes;
	int found, r = tape_pass_records(t);

	if (r != 0)
		return r;
	found = tape_piece(t, &bytes, &piece);
	if (found < 0 || piece.total_bytes == 0)
		return found;
	r = tape_uncut(t, &piece);
	if (r < 0)
		return r;
	t->line = (struct line){.id = &t->id,
				.at_usec = t->view.header.created_at_usec,
				.life = t->view.header.life};
	t->next_record = t->record;
	r = tape_stamp(t, &piece);
	if (r < 0)
		return r;
	tape_fill_line(t, bytes, &piece, r > 0 && found == 0 ? PIECE_WHOLE : found);
	return 1;
}

/* What was known of this segment before there was a next one may be less than it holds. */
static int tape_look_again(struct tape *t)
{
	if (t->is_final || t->i_seq + 1 >= t->n_seqs)
		return 0;
	t->is_final = true;
	return view_refresh(&t->view);
}

/* Return: 1, 0 when nothing is left in this segment, negative errno. */
static int tape_load_segment(struct tape *t)
{
	int r = tape_look_again(t);

	return r < 0 ? r : tape_load_here(t);
}

int tape_load(struct tape *t)
{
	int r;

	if (t->has_line)
		return 1;
	if (!view_is_open(&t->view)) {
		r = tape_open(t);
		if (r <= 0)
			return r;
	}
	while ((r = tape_load_segment(t)) == 0) {
		r = tape_skip_segment(t);
		if (r <= 0)
			return r;
	}
	t->has_line = r > 0;
	return r;
}

void tape_advance(struct tape *t)
{
	if (!t->has_line)
		return;
	t->offset = t->next_offset;
	t->record = t->next_record;
	t->has_line = false;
}

struct cursor_place tape_place(const struct tape *t)
{
	struct cursor_place place = {.id = t->id, .offset = t->offset, .record = t->record};

	place.passed_bytes = view_is_open(&t->view) ? tape_passed(t, t->offset) : t->expected_bytes;
	if (t->i_seq < t->n_seqs)
		place.seq = t->seqs[t->i_seq];
	return place;
}
