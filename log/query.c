/* SPDX-License-Identifier: MIT */

/*
 * A query: many tapes read as one, by time.
 *
 * Each tape shows its next wanted line; a heap knows which of them comes first. "The last N" walks
 * the same tapes backwards through a second heap until N lines have been passed, and reading begins
 * where that ended, so nothing is ever held in memory but one window per stream.
 *
 * Events come with the lines that they stand between, and are not counted: who asks for the last
 * ten lines wants ten lines. They are kept by the daemon that told of them; so, beside the services
 * that are asked for, the events of these few are read, and what is about others is passed over.
 *
 * Everything happens in small steps: a caller with other things to do gives a budget and comes
 * back. The place of a tape is always the beginning of the line that was not handed out yet; a
 * cursor is the list of these places.
 */

#include "log/query.h"

#include <string.h>

#include "lib/error.h"
#include "lib/text.h"

#include "log/event.h"
#include "log/heap.h"
#include "log/reel.h"
#include "log/store.h"

/** Bytes that count as one line more when they are looked at. */
#define LOOK_BYTES 512
/** Events that the last N lines may bring with them. */
#define TAIL_EVENTS_MAX 1000

/**
 * struct query
 * @reels:     @n_reels, in the order in which they were found
 * @heap:      reels whose line is known
 * @pending:   @n_pending reels that have to be looked at before the heap may be asked
 * @line:      what was handed out last
 * @tail_left: lines that still have to be passed; meaningful while @backwards
 * @left:      lines that may still be handed out
 */
struct query {
	const struct store *store;
	struct filter filter;
	struct reel **reels;
	size_t n_reels;
	struct heap heap;
	struct reel **pending;
	size_t n_pending;
	struct reel *tellers[EVENT_WRITERS_MAX];
	size_t n_tellers;
	struct line line;
	uint64_t tail_left;
	unsigned events_left;
	uint64_t left;
	bool backwards;
	bool follow;
};

static bool reel_earlier(const void *a, const void *b)
{
	return reel_order(a, b) < 0;
}

static bool reel_later(const void *a, const void *b)
{
	return reel_order(a, b) > 0;
}

/* --- which streams ---------------------------------------------------------------------------- */

static struct reel *query_find(const struct query *q, const struct stream_id *id)
{
	for (size_t i = q->n_reels; i > 0; i--)
		if (stream_id_compare(&q->reels[i - 1]->tape.id, id) == 0)
			return q->reels[i - 1];
	return NULL;
}

static void query_pend(struct query *q, struct reel *reel)
{
	if (reel->pending || reel->ready)
		return;
	reel->pending = true;
	q->pending[q->n_pending++] = reel;
}

static struct reel *query_unpend(struct query *q)
{
	struct reel *reel = q->pending[--q->n_pending];

	reel->pending = false;
	return reel;
}

/* Room for one more reel, wherever it may be. */
static int query_reserve(struct query *q)
{
	size_t n = q->n_reels + 1;
	struct reel **grown;

	if (n > QUERY_STREAMS_MAX)
		return -E2BIG;
	grown = reallocarray(q->reels, n, sizeof(struct reel *));
	if (!grown)
		return -ENOMEM;
	q->reels = grown;
	grown = reallocarray(q->pending, n, sizeof(struct reel *));
	if (!grown)
		return -ENOMEM;
	q->pending = grown;
	return heap_reserve(&q->heap, n);
}

static int query_add(struct query *q, const struct stream_id *id, struct reel **ret_reel)
{
	struct reel *reel;
	int r = query_reserve(q);

	if (r < 0)
		return r;
	reel = calloc(1, sizeof(*reel));
	if (!reel)
		return -ENOMEM;
	tape_init(&reel->tape, q->store, id);
	q->reels[q->n_reels++] = reel;
	if (reel_has_events(reel) && q->n_tellers < ARRAY_LEN(q->tellers))
		q->tellers[q->n_tellers++] = reel;
	query_pend(q, reel);
	*ret_reel = reel;
	return 0;
}

static int on_segment(const struct store_entry *entry, void *userdata)
{
	struct query *q = userdata;
	struct reel *reel;
	int r = 0;

	if (!filter_wants_stream(&q->filter, &entry->id))
		return 0;
	reel = query_find(q, &entry->id);
	if (!reel)
		r = query_add(q, &entry->id, &reel);
	return r < 0 ? r : tape_add(&reel->tape, entry->seq);
}

static int on_event_segment(const struct store_entry *entry, void *userdata)
{
	return entry->id.stream == INTAKE_STREAM_EVENT ? on_segment(entry, userdata) : 0;
}

/* Of a daemon that was not asked for only what it tells of others. */
static int on_service(const char *service, void *userdata)
{
	struct query *q = userdata;
	bool is_asked_for = !q->filter.names || filter_names(&q->filter, service);
	int r = store_list(q->store, service, is_asked_for ? on_segment : on_event_segment, q);

	return r == -ENOENT ? 0 : r;
}

static int query_find_events(struct query *q)
{
	int r = 0;

	for (const char *const *writer = event_writers; *writer && r == 0; writer++)
		r = on_service(*writer, q);
	return r;
}

static int query_find_streams(struct query *q, struct error *err)
{
	int r = 0;

	if (!q->filter.names)
		r = store_services(q->store, on_service, q);
	for (char **name = q->filter.names; name && *name && r >= 0; name++) {
		r = store_list(q->store, *name, on_segment, q);
		if (r == -ENOENT && (q->follow || q->filter.unknown_ok))
			r = 0; /* it will come, or has nothing but events */
		if (r == -ENOENT)
			return error_set_id(err, r, "io.slicekeep.log.NoSuchService",
					    "nothing is stored of \"%s\"", *name);
	}
	if (q->filter.names && r >= 0)
		r = query_find_events(q);
	return r < 0 ? error_set(err, r, "cannot read the log folder \"%s\": %s", q->store->path,
				 strerror(-r))
		     : 0;
}

/* --- where to begin --------------------------------------------------------------------------- */

static int reel_seek(struct query *q, struct reel *reel)
{
	const struct filter *f = &q->filter;
	const struct cursor_place *place;

	if (f->has_cursor) {
		place = cursor_find(&f->cursor, &reel->tape.id);
		return place ? tape_seek_place(&reel->tape, place) : tape_seek_begin(&reel->tape);
	}
	if (f->has_tail)
		return tape_seek_until(&reel->tape, reel_has_events(reel) ? 0 : f->until_usec);
	if (f->since_usec > 0 || f->since_life > 0)
		return tape_seek_since(&reel->tape, f->since_usec, f->since_life);
	return tape_seek_begin(&reel->tape);
}

static int query_begin(struct query *q)
{
	for (size_t i = 0; i < q->n_reels; i++) {
		int r = reel_seek(q, q->reels[i]);

		if (r < 0)
			return r;
		q->reels[i]->start = tape_place(&q->reels[i]->tape);
	}
	q->backwards = q->filter.has_tail && !q->filter.has_cursor;
	q->tail_left = q->filter.tail;
	q->events_left = TAIL_EVENTS_MAX;
	/* What comes in while the last N are looked for does not make them more. */
	q->left = q->backwards && !q->follow ? q->filter.tail : UINT64_MAX;
	q->heap.before = q->backwards ? reel_later : reel_earlier;
	return 0;
}

/* --- looking for the next line, in either direction ------------------------------------------- */

/* Look at what is pending. Return: 0 when the heap knows all, QUERY_PAUSE, negative errno. */
static int query_look(struct query *q, unsigned *budget)
{
	while (q->n_pending > 0) {
		struct reel *reel;
		int r;

		if (*budget == 0)
			return QUERY_PAUSE;
		--*budget;
		reel = query_unpend(q);
		r = q->backwards ? reel_back(reel, &q->filter, q->follow)
				 : reel_forward(reel, &q->filter, q->follow);
		if (r < 0)
			return r;
		*budget -= (unsigned)MIN_OF(reel_bytes(reel) / LOOK_BYTES, (size_t)*budget);
		if (r == REEL_AGAIN)
			query_pend(q, reel);
		reel->ready = r == REEL_READY;
		if (reel->ready)
			heap_push(&q->heap, reel);
	}
	return 0;
}

/* All lines that are asked for have been passed: read them forwards from here. */
static int query_turn_round(struct query *q)
{
	q->backwards = false;
	q->heap.n = 0;
	q->heap.before = reel_earlier;
	for (size_t i = 0; i < q->n_reels; i++) {
		struct reel *reel = q->reels[i];
		int r = tape_seek_place(&reel->tape, &reel->start);

		if (r < 0)
			return r;
		reel->ready = false;
		query_pend(q, reel);
	}
	return 0;
}

/* Whether it is what was asked for, and not an event, or a mark of what was dropped, beside it. */
static bool query_counts(const struct query *q, const struct reel *reel)
{
	return !reel_has_mark(reel) && (!reel_has_events(reel) || q->filter.streams != 0);
}

/* Lines of this reel that all come before the one that was passed, and behind what other reels
 * show, need not be looked at. */
static int query_leap(struct query *q, struct reel *reel)
{
	const struct reel *other = heap_first(&q->heap);
	usec_t since_usec = other ? usec_add(other->line.at_usec, 1) : 0;
	uint64_t n;
	int r;

	if (q->tail_left == 0 || reel_has_events(reel) || !filter_wants_all(&q->filter))
		return 0;
	r = tape_leap(&reel->tape, q->tail_left, MAX_OF(since_usec, q->filter.since_usec), &n);
	if (r < 0 || n == 0)
		return r;
	q->tail_left -= n;
	reel->start = tape_place(&reel->tape);
	return 0;
}

/* The latest line that was not passed yet, when there have not been enough. */
static int query_pass(struct query *q, struct reel *reel)
{
	bool counts = query_counts(q, reel);

	reel->ready = false;
	if (!reel->passed) {
		if (counts)
			q->tail_left--;
		else if (q->events_left == 0)
			return 0; /* and none before it */
		else
			q->events_left--;
		reel->start = tape_place(&reel->tape);
	}
	query_pend(q, reel);
	return counts && !reel->passed ? query_leap(q, reel) : 0;
}

/* Of @n reels the one that comes before @first in the direction of reading, whatever their times
 * say; NULL: none does. */
static struct reel *query_find_better(const struct query *q, struct reel *const *reels, size_t n,
				      const struct reel *first)
{
	struct reel *found = NULL;

	for (size_t i = 0; i < n; i++) {
		struct reel *reel = reels[i];
		bool better = reel->ready && (q->backwards ? reel_precedes(first, reel)
							   : reel_precedes(reel, first));

		if (better && (!found || q->heap.before(reel, found)))
			found = reel;
	}
	return found;
}

/* The reel whose line comes next; it is not in the heap any more. */
static struct reel *query_pop(struct query *q)
{
	struct reel *first = heap_pop(&q->heap), *found = NULL;

	if (!first)
		return NULL;
	if (!first->line.event)
		found = query_find_better(q, q->tellers, q->n_tellers, first);
	else if (first->line.event->life > 0)
		found = query_find_better(q, q->reels, q->n_reels, first);
	if (!found)
		return first;
	heap_push(&q->heap, first);
	heap_remove(&q->heap, found);
	return found;
}

/* Pass lines backwards, latest first, until the tail is complete. */
static int query_go_back(struct query *q, unsigned *budget)
{
	while (true) {
		struct reel *reel;
		int r = query_look(q, budget);

		if (r != 0)
			return r;
		reel = q->tail_left > 0 ? query_pop(q) : NULL;
		if (!reel)
			return query_turn_round(q);
		r = query_pass(q, reel);
		if (r < 0)
			return r;
	}
}

/* Take the reel whose line comes next out of the heap. Return: as query_next(). */
static int query_draw(struct query *q, unsigned *budget, struct reel **ret_reel)
{
	struct reel *reel;
	int r = q->backwards ? query_go_back(q, budget) : 0;

	if (r == 0)
		r = query_look(q, budget);
	if (r != 0)
		return r;
	reel = query_pop(q);
	if (!reel)
		return QUERY_END;
	if (q->left == 0 && query_counts(q, reel)) {
		heap_push(&q->heap, reel);
		return QUERY_END;
	}
	*ret_reel = reel;
	return 1;
}

int query_peek(struct query *q, unsigned *budget, const struct line **ret_line)
{
	struct reel *reel = NULL;
	int r = query_draw(q, budget, &reel);

	if (r != 1)
		return r;
	heap_push(&q->heap, reel);
	*ret_line = &reel->line;
	return 1;
}

int query_next(struct query *q, unsigned *budget, const struct line **ret_line)
{
	struct reel *reel = NULL;
	int r = query_draw(q, budget, &reel);

	if (r != 1)
		return r;
	if (query_counts(q, reel))
		q->left--;
	q->line = reel->line;
	reel->ready = false;
	/* An open line is handed out once; a cursor stands before it. */
	if (!q->line.open) {
		tape_advance(&reel->tape);
		query_pend(q, reel);
	}
	*ret_line = &q->line;
	return 1;
}

/* --- what callers want to know ---------------------------------------------------------------- */

bool query_cursor(const struct query *q, struct text *t)
{
	if (q->backwards)
		return false;
	cursor_begin_text(t);
	for (size_t i = 0; i < q->n_reels; i++) {
		struct cursor_place place = reel_place(q->reels[i]);

		if (place.seq != 0)
			cursor_add_text(t, &place);
	}
	return true;
}

uint64_t query_skipped(struct query *q)
{
	uint64_t skipped = 0;

	for (size_t i = 0; i < q->n_reels; i++) {
		skipped += q->reels[i]->tape.skipped_bytes;
		q->reels[i]->tape.skipped_bytes = 0;
	}
	return skipped;
}

const struct filter *query_filter(const struct query *q)
{
	return &q->filter;
}

void query_streams(const struct query *q, query_stream_fn fn, void *userdata)
{
	for (size_t i = 0; i < q->n_reels; i++)
		fn(i, &q->reels[i]->tape.id, tape_newest(&q->reels[i]->tape), userdata);
}

int query_wake(struct query *q, size_t i_stream)
{
	struct reel *reel = i_stream < q->n_reels ? q->reels[i_stream] : NULL;
	int r;

	if (!reel || q->backwards)
		return 0;
	reel->stale = reel->ready;
	if (reel->ready)
		return 0;
	r = tape_refresh(&reel->tape);
	if (r == 0)
		query_pend(q, reel);
	return r;
}

int query_rescan(struct query *q, const char *service)
{
	size_t known = q->n_reels;
	int r = on_service(service, q);

	for (size_t i = 0; i < q->n_reels && r == 0; i++) {
		struct reel *reel = q->reels[i];

		if (i >= known)
			r = tape_seek_begin(&reel->tape);
		if (r == 0 && strcmp(reel->tape.id.service, service) == 0)
			r = query_wake(q, i);
	}
	return r;
}

/* --- birth and death -------------------------------------------------------------------------- */

int query_new(const struct store *store, struct filter *filter, bool follow,
	      struct query **ret_query, struct error *err)
{
	struct query *q = calloc(1, sizeof(*q));
	int r;

	if (!q) {
		filter_done(filter);
		return error_set(err, -ENOMEM, "out of memory");
	}
	q->store = store;
	q->filter = *filter;
	*filter = (struct filter){0};
	q->follow = follow;
	heap_init(&q->heap, reel_earlier);
	r = query_find_streams(q, err);
	if (r == 0) {
		r = query_begin(q);
		if (r < 0)
			error_set(err, r, "cannot read the log folder \"%s\": %s", store->path,
				  strerror(-r));
	}
	if (r < 0) {
		query_free(q);
		return r;
	}
	*ret_query = q;
	return 0;
}

void query_free(struct query *q)
{
	if (!q)
		return;
	for (size_t i = 0; i < q->n_reels; i++)
		reel_free(q->reels[i]);
	heap_done(&q->heap);
	filter_done(&q->filter);
	free(q->reels);
	free(q->pending);
	free(q);
}
