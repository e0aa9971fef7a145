/* SPDX-License-Identifier: MIT */

/*
 * Going to a place on a tape: to a time, to a cursor, and line by line backwards.
 *
 * The index gives places at which batches end, which is anywhere in a line; the beginning of the
 * line around it is looked for in the bytes before it, of which LINE_LOOK_BACK_MAX are always
 * enough (see log/lines.c). A life's beginning or end among them begins a line as well, and is
 * looked for in the records.
 *
 * Segments are searched from the newest one back: what people ask for is recent, and a clock that
 * was once set back then hides old lines rather than new ones.
 *
 * Who only has to pass lines leaps over frames of which the number of lines is known
 * (log/line-table.c), from the line around the beginning of a frame to the line around the
 * beginning of an earlier one: there are as many lines between the two as newlines. A mark would
 * make it one more, and times and lives may matter to who asks: so the records in between have to
 * be batches of one life, and late enough. Where they are not the leap is shorter, or none.
 */

#include "log/tape.h"

#include "log/lines.h"

/** Records that are looked at for one leap; a frame of a service that floods has two. */
#define LEAP_RECORDS_MAX 16384

/** How far to look back for a newline, step by step. */
static const size_t look_steps[] = {2048, 16 * 1024, LINE_LOOK_BACK_MAX};

static int tape_go_to(struct tape *t, uint64_t offset)
{
	t->has_line = false;
	t->offset = MIN_OF(offset, t->view.bytes);
	return index_find_beyond(t->view.n_records, view_record, &t->view, t->offset, &t->record);
}

/* --- beginnings of lines ---------------------------------------------------------------------- */

typedef int (*lines_fn)(const char *bytes, size_t n_bytes, uint64_t offset, bool hard,
			uint64_t *ret_offset);

/* Apply lines_back() or lines_align() to as many of the bytes between @floor and @offset as it
 * needs. */
static int tape_look_back(struct tape *t, lines_fn look, uint64_t offset, uint64_t floor,
			  uint64_t *ret_offset)
{
	for (size_t i = 0; i < ARRAY_LEN(look_steps); i++) {
		size_t wanted = (size_t)MIN_OF((uint64_t)look_steps[i], offset - floor);
		const char *bytes;
		uint64_t n;
		int r = view_bytes_before(&t->view, offset, wanted, &bytes, &n);

		if (r == VIEW_DAMAGED) {
			*ret_offset = MAX_OF(offset - n, floor);
			return 1;
		}
		/* Behind a damage, too, a line begins. */
		if (r == 0)
			r = look(bytes, n, offset, n < wanted || offset - n == floor, ret_offset);
		if (r != 0)
			return r;
	}
	return -EIO;
}

/* The last mark at or before @high and not before @low; 0: none. @i: a record behind @high. */
static int tape_find_mark(struct tape *t, uint64_t i, uint64_t low, uint64_t high,
			  uint64_t *ret_offset)
{
	struct index_record record;

	for (; i > 0; i--) {
		int r = view_record(&t->view, i - 1, &record);

		if (r < 0)
			return r;
		if (record.end < low)
			return 0;
		if (index_record_kind(&record) != INDEX_DATA && record.end <= high) {
			*ret_offset = record.end;
			return 1;
		}
	}
	return 0;
}

static uint64_t look_limit(uint64_t offset)
{
	return offset > LINE_LOOK_BACK_MAX ? offset - LINE_LOOK_BACK_MAX : 0;
}

/* Go to the beginning of a line from which reading comes to @offset. */
static int tape_align(struct tape *t, uint64_t offset)
{
	uint64_t start = 0, mark;
	int r = tape_go_to(t, offset);

	if (r < 0 || t->offset == 0)
		return r;
	offset = t->offset;
	r = tape_look_back(t, lines_align, offset, 0, &start);
	if (r == LINES_CUT) {
		r = tape_find_mark(t, t->record, look_limit(offset), offset, &mark);
		if (r > 0)
			start = mark;
	}
	return r < 0 ? r : tape_go_to(t, start);
}

/* Where the piece begins that ends at the current place. */
static int tape_piece_start(struct tape *t, uint64_t *ret_start)
{
	uint64_t mark;
	int r = tape_look_back(t, lines_back, t->offset, 0, ret_start);

	if (r == LINES_CUT) {
		r = tape_find_mark(t, t->record, look_limit(t->offset), t->offset - 1, &mark);
		if (r > 0)
			r = tape_look_back(t, lines_back, t->offset, mark, ret_start);
	}
	if (r < 0)
		return r;
	r = tape_find_mark(t, t->record, *ret_start + 1, t->offset - 1, &mark);
	if (r > 0)
		*ret_start = mark;
	return MIN_OF(r, 0);
}

/* --- backwards -------------------------------------------------------------------------------- */

static int tape_to_end(struct tape *t)
{
	return tape_go_to(t, t->view.bytes);
}

/* To the end of the segment before; 0 when there is none any more. */
static int tape_previous_segment(struct tape *t)
{
	struct segment_view before;
	int r;

	if (t->i_seq == 0)
		return 0;
	r = view_open(&before, t->store, &t->id, t->seqs[t->i_seq - 1]);
	if (r == -ENOENT) {
		tape_forget_before(t, t->i_seq);
		return 0;
	}
	if (r < 0)
		return r;
	view_close(&t->view);
	t->view = before;
	t->i_seq--;
	r = tape_to_end(t);
	return r < 0 ? r : 1;
}

int tape_back(struct tape *t)
{
	uint64_t start = 0;
	int r;

	t->has_line = false;
	if (!view_is_open(&t->view))
		return 0;
	while (t->offset == 0) {
		r = tape_previous_segment(t);
		if (r <= 0)
			return r;
	}
	r = tape_piece_start(t, &start);
	if (r < 0)
		return r;
	t->offset = start;
	for (; t->record > 0; t->record--) {
		struct index_record record;

		r = view_record(&t->view, t->record - 1, &record);
		if (r < 0)
			return r;
		if (record.end <= start)
			break;
	}
	return tape_load(t);
}

/* --- backwards, over whole frames ------------------------------------------------------------- */

/**
 * struct leap - over @n_lines, from the line around @from to the one around @to
 * @frame_bytes: of each frame; @from and @to are beginnings of frames
 * @floor:       before that, records say that no leap may end
 */
struct leap {
	const struct line_table *lines;
	uint64_t frame_bytes;
	uint64_t from;
	uint64_t to;
	uint64_t n_lines;
	uint64_t floor;
};

/* Whether the line that is loaded ends with a newline, and a frame begins with it or in it. */
static bool leap_begin(struct leap *l, const struct tape *t)
{
	*l = (struct leap){.lines = &t->view.log.packed.lines,
			   .frame_bytes = t->view.log.packed.table.frame_bytes};
	if (l->lines->n_frames == 0 || !t->has_line || t->line.damaged ||
	    t->next_offset != t->offset + t->line.n_bytes + 1 || t->record >= t->view.n_records)
		return false;
	l->from = (t->offset + l->frame_bytes - 1) / l->frame_bytes * l->frame_bytes;
	l->to = l->from;
	return l->from < t->next_offset;
}

/* As far as numbers are known. A damaged frame is up to two lines, and must not have had fewer. */
static void leap_extend(struct leap *l, uint64_t max_lines)
{
	while (l->to > 0) {
		uint32_t n = line_table_lines(l->lines, l->to / l->frame_bytes - 1);

		if (n == LINES_UNKNOWN || n < 2 || n > max_lines - l->n_lines)
			break;
		l->n_lines += n;
		l->to -= l->frame_bytes;
	}
}

static void leap_shorten(struct leap *l)
{
	l->n_lines -= line_table_lines(l->lines, l->to / l->frame_bytes);
	l->to += l->frame_bytes;
}

/* Behind the last record that is not a batch of that life, and late enough. */
static int leap_find_floor(struct leap *l, struct tape *t, usec_t since_usec)
{
	uint64_t low = l->to - MIN_OF(l->to, (uint64_t)LINE_BYTES_MAX);
	struct index_record record;

	for (uint64_t i = t->record + 1, n = 0; i > 0; i--, n++) {
		int r = view_record(&t->view, i - 1, &record);

		if (r < 0)
			return r;
		l->floor = record.end;
		if (record.end <= low || n == LEAP_RECORDS_MAX ||
		    index_record_kind(&record) != INDEX_DATA ||
		    index_record_at(&record) < since_usec || record.value != t->line.life)
			return 0;
	}
	l->floor = 0;
	return 0;
}

/* Where the line begins that is around @to. Return: 1, 0 when it cannot be told, negative errno. */
static int leap_find_line(const struct leap *l, struct tape *t, uint64_t *ret_start)
{
	const char *bytes;
	uint64_t n;
	int r;

	*ret_start = 0;
	if (l->to == 0)
		return 1;
	r = view_bytes_before(&t->view, l->to, 1, &bytes, &n);
	if (r != 0)
		return MIN_OF(r, 0); /* behind a damage */
	r = tape_look_back(t, lines_align, l->to, 0, ret_start);
	return r == LINES_CUT ? 0 : r;
}

int tape_leap(struct tape *t, uint64_t max_lines, usec_t since_usec, uint64_t *ret_n_lines)
{
	uint64_t start = 0;
	struct leap l;
	int r;

	*ret_n_lines = 0;
	if (!leap_begin(&l, t))
		return 0;
	leap_extend(&l, max_lines);
	r = l.n_lines > 0 ? leap_find_floor(&l, t, since_usec) : 0;
	for (; r == 0 && l.n_lines > 0; leap_shorten(&l)) {
		if (l.to < l.floor)
			continue;
		r = leap_find_line(&l, t, &start);
		if (r > 0 && start >= l.floor)
			break;
		r = MIN_OF(r, 0);
	}
	if (r <= 0)
		return r;
	r = tape_go_to(t, start);
	if (r == 0)
		*ret_n_lines = l.n_lines;
	return r;
}

/* --- to a time, to a place -------------------------------------------------------------------- */

static void tape_restart(struct tape *t)
{
	t->expected_bytes = 0;
	t->skipped_bytes = 0;
}

int tape_seek_begin(struct tape *t)
{
	int r;

	tape_restart(t);
	r = tape_enter(t, 0);
	return MIN_OF(r, 0);
}

/* Whether nothing before this segment is as late as that, or of that life or a later one. */
static int segment_begins_before(struct tape *t, usec_t since_usec, uint64_t since_life)
{
	struct index_record first;
	int r;

	if (t->view.n_records == 0)
		return 0;
	r = view_record(&t->view, 0, &first);
	if (r < 0)
		return r;
	return index_record_at(&first) < since_usec ||
	       (index_record_kind(&first) != INDEX_DROPPED && first.value != 0 &&
		first.value < since_life);
}

int tape_seek_since(struct tape *t, usec_t since_usec, uint64_t since_life)
{
	uint64_t i;
	int r = 0;

	tape_restart(t);
	for (size_t n = t->n_seqs; n > 0 && r == 0; n--) {
		r = tape_enter(t, n - 1);
		if (r <= 0)
			return r;
		r = segment_begins_before(t, since_usec, since_life);
	}
	if (r <= 0 || since_usec == 0)
		return MIN_OF(r, 0);
	r = index_find_at(t->view.n_records, view_record, &t->view, since_usec, &i);
	if (r == 0 && i > 0) {
		struct index_record before;

		r = view_record(&t->view, i - 1, &before);
		if (r == 0)
			r = tape_align(t, before.end);
		/* What was dropped at that place after that time is said, too. */
		t->record = MIN_OF(t->record, i);
	}
	return r;
}

/* To the line that was not complete at that time, or to the end. */
static int segment_seek_until(struct tape *t, usec_t until_usec)
{
	struct index_record before;
	uint64_t i;
	int r = index_find_at(t->view.n_records, view_record, &t->view, until_usec + 1, &i);

	if (r < 0)
		return r;
	if (i == t->view.n_records)
		return tape_to_end(t);
	if (i == 0)
		return 0;
	r = view_record(&t->view, i - 1, &before);
	if (r == 0)
		r = tape_align(t, before.end);
	if (r < 0)
		return r;
	/* Pieces of a long line, and lines that a mark ended, that were complete by then. */
	while ((r = tape_load(t)) > 0 && t->next_offset <= before.end)
		tape_advance(t);
	t->has_line = false;
	return MIN_OF(r, 0);
}

int tape_seek_until(struct tape *t, usec_t until_usec)
{
	int r = 0;

	tape_restart(t);
	for (size_t n = t->n_seqs; n > 0; n--) {
		r = tape_enter(t, n - 1);
		if (r <= 0)
			return r;
		if (until_usec == 0)
			return tape_to_end(t);
		r = segment_begins_before(t, usec_add(until_usec, 1), 0);
		if (r < 0)
			return r;
		if (r > 0)
			return segment_seek_until(t, until_usec);
	}
	return 0;
}

int tape_seek_place(struct tape *t, const struct cursor_place *place)
{
	size_t i = 0;
	int r;

	tape_restart(t);
	while (i < t->n_seqs && t->seqs[i] < place->seq)
		i++;
	if (i == t->n_seqs &&
	    i > 0) { /* from a store that was emptied: nothing is known to be new */
		r = tape_enter(t, i - 1);
		return r <= 0 ? r : tape_to_end(t);
	}
	t->expected_bytes = place->passed_bytes;
	r = tape_enter(t, i);
	if (r <= 0 || t->view.header.seq != place->seq)
		return MIN_OF(r, 0);
	r = tape_go_to(t, place->offset);
	if (r == 0 && place->record <= t->view.n_records && place->offset <= t->view.bytes)
		t->record = place->record;
	return r;
}
