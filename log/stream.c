/* SPDX-License-Identifier: MIT */

/*
 * One stream: batches go from the feed of the current life to the current segment.
 *
 * Nothing is opened before there is a byte to store, so a service that never writes to stderr has
 * no file for it. A life begins with a mark in the index that is written before its first byte, so
 * each byte's life is known whatever happens in between.
 *
 * A rotation makes the new segment's index, then the segment, and only then takes bytes for it: a
 * kill in between leaves an index alone, which the next start removes, or an empty segment, which
 * is gone on with. Bytes never move from one file to another. A segment ends at its size (its own
 * or its index's), and where its first byte is old enough that its rule wants it to become
 * deletable; one that nothing more comes for is ended when all of it is too old (log/retention.c).
 * What has a successor is never written again: the housekeeper may pack it.
 *
 * When storing fails (full disk, a folder that cannot be written) nothing has left the feed. Then
 * the service's policy decides: block, which means that we stop looking at the pipe until the next
 * try, or drop, which means that it is read and thrown away up to a line's end, and the bytes are
 * counted in the index as soon as it can be written again (a count that dies with us is lost). Each
 * second is a try, also when nothing comes: a service that has fallen silent is not in trouble.
 */

#include "log/stream.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>

#include "lib/clock.h"
#include "lib/intake-frame.h"
#include "lib/log.h"

#include "log/board.h"
#include "log/feed.h"
#include "log/retention.h"

/** One splice; more than a pipe holds unless somebody made it larger. */
#define BATCH_BYTES_MAX ((size_t)256 * 1024)
/** Numbers that are tried when a segment's name is taken. */
#define SEQ_TRIES_MAX 16

/* --- what is counted -------------------------------------------------------------------------- */

void stream_shared_show(const struct stream_shared *shared)
{
	shared->board->stored_bytes = shared->open_bytes + shared->catalog.bytes;
	shared->board->segments = shared->n_open + shared->catalog.n_entries;
}

void stream_shared_packed(struct stream_shared *shared, const struct stream_id *id, uint64_t seq,
			  uint64_t bytes)
{
	struct catalog_entry *entry = catalog_find(&shared->catalog, id, seq);

	if (!entry)
		return;
	catalog_resize(&shared->catalog, entry, bytes);
	stream_shared_show(shared);
}

/* One that is being written is not in the catalog either; it is locked. */
void stream_shared_disown(struct stream_shared *shared, const struct stream_id *id, uint64_t seq)
{
	cleanup_close int fd = -1;

	if (catalog_find(&shared->catalog, id, seq))
		return;
	fd = store_open_file(&shared->store, id, seq, SEGMENT_FILE_LOG, O_RDONLY);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		return;
	if (store_delete(&shared->store, id, seq) < 0)
		log_warning("a deleted segment of %s has come back: %m", id->service);
}

static void stream_count(struct stream *s)
{
	struct stream_shared *shared = s->shared;
	uint64_t bytes =
		segment_is_open(&s->segment) ? s->segment.bytes + s->segment.index_bytes : 0;

	shared->open_bytes += bytes - s->counted_bytes;
	s->share->bytes += bytes - s->counted_bytes;
	s->counted_bytes = bytes;
	stream_shared_show(shared);
}

int stream_init(struct stream *s, struct stream_shared *shared, const struct stream_id *id)
{
	struct share *share = shares_get(&shared->catalog.shares, id->service);

	if (!share)
		return -ENOMEM;
	*s = (struct stream){.id = *id, .shared = shared, .share = share};
	share->n_streams++;
	lives_init(&s->lives);
	segment_init(&s->segment);
	s->row = board_row_take(shared->board, id);
	return 0;
}

/* --- segments --------------------------------------------------------------------------------- */

/* The segment is complete: it is listed as one that may be deleted. */
static int stream_seal(struct stream *s)
{
	int r;

	if (!segment_is_open(&s->segment))
		return 0;
	r = catalog_add(&s->shared->catalog, &s->id, s->segment.seq,
			s->segment.bytes + s->segment.index_bytes, s->segment.at_usec);
	if (r < 0)
		return r;
	segment_close(&s->segment);
	s->rotate.due_bytes = 0;
	s->shared->n_open--;
	stream_count(s);
	return 0;
}

void stream_done(struct stream *s)
{
	if (stream_seal(s) < 0)
		log_warning("out of memory: segment %" PRIu64 " of %s is not counted until the "
			    "next start",
			    s->segment.seq, s->id.service);
	segment_close(&s->segment);
	stream_count(s);
	s->share->n_streams--;
	shares_release(&s->shared->catalog.shares, s->share);
	if (s->row)
		s->row->n_pipes = 0;
}

static int stream_opened(struct stream *s)
{
	s->shared->n_open++;
	s->fresh = false;
	stream_count(s);
	return 0;
}

/* Numbers grow with the clock, so that they never repeat, even in a store that was emptied. */
static int stream_create_segment(struct stream *s, struct index_header *header)
{
	int r;

	*header = (struct index_header){.magic = INDEX_MAGIC,
					.version = INDEX_VERSION,
					.flags = header->flags,
					.seq = header->previous + 1,
					.previous = header->previous,
					.base_bytes = header->base_bytes,
					.created_at_usec = clock_at_usec(),
					.life = header->life};
	header->seq = MAX_OF(header->seq, header->created_at_usec / USEC_PER_SEC);
	/* It may have been removed, with what was in it, by retention or by hand. */
	r = store_make_folder(&s->shared->store, s->id.service);
	if (r < 0)
		return r;
	r = -EEXIST;
	for (int i = 0; i < SEQ_TRIES_MAX && r == -EEXIST; i++, header->seq++)
		r = segment_create(&s->segment, &s->shared->store, &s->id, header);
	if (r == 0 && header->previous > 0)
		s->shared->n_sealed++;
	return r;
}

/* Go on with the newest segment, or begin the first. */
static int stream_open_segment(struct stream *s)
{
	struct catalog_entry *newest = catalog_newest_of(s->share, s->id.instance, s->id.stream);
	struct index_header header = {0};
	int r;

	if (newest) {
		r = segment_open(&s->segment, &s->shared->store, &s->id, newest->seq);
		if (r == 0 && !s->fresh) {
			catalog_drop(&s->shared->catalog, newest);
			return stream_opened(s);
		}
		if (r < 0 && r != -ENOENT)
			log_warning("cannot go on with segment %" PRIu64 " of %s: %s", newest->seq,
				    s->id.service, strerror(-r));
		header.previous = newest->seq;
		header.base_bytes = r == 0 ? s->segment.base_bytes + s->segment.bytes : 0;
		r = segment_settle(&s->segment);
		segment_close(&s->segment);
		if (r < 0)
			return r;
	}
	r = stream_create_segment(s, &header);
	return r < 0 ? r : stream_opened(s);
}

static int stream_next_segment(struct stream *s, bool mid_line)
{
	struct index_header header = {
		.flags = mid_line ? INDEX_FLAG_CONTINUES : 0,
		.previous = s->segment.seq,
		.base_bytes = s->segment.base_bytes + s->segment.bytes,
		.life = s->segment.life_open ? s->segment.life : 0,
	};
	struct segment old, made;
	int r = segment_settle(&s->segment);

	if (r < 0)
		return r;
	old = s->segment;
	segment_init(&s->segment);
	r = stream_create_segment(s, &header);
	made = s->segment;
	s->segment = old;
	if (r < 0)
		return r;
	r = stream_seal(s);
	if (r < 0) {
		segment_close(&made);
		return r;
	}
	s->segment = made;
	return stream_opened(s);
}

void stream_rotate(struct stream *s)
{
	if (!segment_is_open(&s->segment)) {
		s->fresh = true;
		return;
	}
	rotate_ask(&s->rotate, s->segment.bytes);
}

static const struct rule *stream_rule(const struct stream *s)
{
	return share_rule(&s->shared->catalog.shares, s->share);
}

usec_t stream_due(const struct stream *s)
{
	usec_t max_age_usec = stream_rule(s)->max_age_usec;

	if (max_age_usec == 0 || !segment_is_open(&s->segment) || s->segment.bytes == 0)
		return USEC_INFINITY;
	return usec_add(s->segment.at_usec, max_age_usec);
}

/* The new segment knows how much came before it, so readers are told what they missed. */
usec_t stream_expire(struct stream *s, usec_t now_at_usec)
{
	usec_t due_usec = stream_due(s);

	if (due_usec > now_at_usec)
		return due_usec;
	if (stream_next_segment(s, !segment_at_line_end(&s->segment)) < 0)
		return usec_add(now_at_usec, STREAM_RETRY_USEC);
	return USEC_INFINITY;
}

/* Whether the segment has become too large, or its beginning too old, for its rule. */
static bool stream_must_rotate(const struct stream *s)
{
	const struct segment *segment = &s->segment;
	usec_t span_usec = retention_span(stream_rule(s));

	if (segment->stepped_back || segment->index_bytes >= s->rotate.limit_bytes)
		return true;
	return span_usec < USEC_INFINITY &&
	       clock_at_usec() >= usec_add(segment->first_at_usec, span_usec);
}

/* --- one batch -------------------------------------------------------------------------------- */

/* The beginning of a life is noted once there is a byte of it. */
static ssize_t stream_begin_life(struct stream *s, const struct feed *f, uint64_t life)
{
	size_t line_end;
	ssize_t n;
	int r = 0;

	if (segment_is_open(&s->segment) && s->segment.life_open && s->segment.life == life)
		return 1;
	n = peek_look(&s->shared->peek, feed_front(f), &line_end);
	if (n <= 0)
		return n;
	if (!segment_is_open(&s->segment))
		r = stream_open_segment(s);
	if (r < 0)
		return r;
	if (s->segment.life_open && s->segment.life == life)
		return 1;
	r = segment_mark(&s->segment, INDEX_BEGIN, life);
	return r < 0 ? r : 1;
}

/*
 * How much may be taken now; a segment that is full makes way for the next.
 * Return: 1 with *ret_max > 0; 0 at the pipe's end of file; negative errno.
 */
static ssize_t stream_room(struct stream *s, const struct feed *f, size_t *ret_max)
{
	bool at_line_end = false;
	size_t line_end;
	ssize_t n;
	int r;

	s->rotate.limit_bytes =
		retention_limit(stream_rule(s), s->shared->limit_bytes, s->share->n_streams);
	if (stream_must_rotate(s))
		rotate_ask(&s->rotate, s->segment.bytes);
	if (rotate_is_due(&s->rotate, s->segment.bytes))
		at_line_end = segment_at_line_end(&s->segment);
	switch (rotate_decide(&s->rotate, s->segment.bytes, at_line_end)) {
	case ROTATE_NOW:
	case ROTATE_MID_LINE:
		r = stream_next_segment(s, !at_line_end);
		if (r < 0)
			return r;
		break;
	case ROTATE_SEEK:
		n = peek_look(&s->shared->peek, feed_front(f), &line_end);
		if (n > 0)
			*ret_max = line_end > 0 ? line_end : (size_t)n;
		return MIN_OF(n, 1);
	case ROTATE_KEEP:
		break;
	}
	*ret_max = (size_t)MIN_OF(rotate_room(&s->rotate, s->segment.bytes), BATCH_BYTES_MAX);
	return 1;
}

/* What was thrown away is noted where it is missing. */
static int stream_note_dropped(struct stream *s)
{
	int r;

	if (s->dropped_bytes == 0 || !segment_is_open(&s->segment))
		return 0;
	r = segment_mark(&s->segment, INDEX_DROPPED, s->dropped_bytes);
	if (r == 0)
		s->dropped_bytes = 0;
	return r;
}

static ssize_t stream_store(struct stream *s, struct feed *f, uint64_t life)
{
	ssize_t n = stream_begin_life(s, f, life);
	size_t max;
	int r;

	if (n > 0) {
		r = stream_note_dropped(s);
		n = r < 0 ? r : stream_room(s, f, &max);
	}
	if (n > 0)
		n = feed_advance(f, max);
	if (n <= 0)
		return n;
	n = segment_splice(&s->segment, feed_front(f), (size_t)n, life);
	if (n > 0) {
		feed_took(f, (size_t)n);
		s->shared->board->splices++;
	}
	stream_count(s);
	return n;
}

/* --- when it cannot be stored ----------------------------------------------------------------- */

static void stream_set_state(struct stream *s, enum stream_state state, int code)
{
	char id[STREAM_ID_TEXT_MAX];

	if (s->state == state)
		return;
	stream_id_format(&s->id, id);
	if (state == STREAM_COLLECTING)
		log_notice("%s is stored again", id);
	else
		log_error("cannot store %s in \"%s\": %s; its output is %s until it can", id,
			  s->shared->store.path, strerror(-code),
			  state == STREAM_BLOCKED ? "held in the pipe" : "dropped");
	s->state = state;
	s->code = code;
	if (s->row) {
		s->row->state = (uint32_t)state;
		s->row->code = code;
	}
}

/* Throw away what the pipe has; when the next try is due, only up to the end of the line. */
static ssize_t stream_drop(struct stream *s, struct feed *f, bool to_line_end)
{
	struct peek *peek = &s->shared->peek;
	size_t line_end;
	ssize_t n = peek_look(peek, feed_front(f), &line_end);

	if (n <= 0)
		return n;
	n = peek_take(peek, feed_front(f), to_line_end && line_end > 0 ? line_end : (size_t)n);
	if (n <= 0)
		return n;
	feed_took(f, (size_t)n);
	s->dropped_bytes += (uint64_t)n;
	s->dropped_mid_line = peek->bytes[n - 1] != '\n';
	s->shared->board->dropped_bytes += (uint64_t)n;
	return n;
}

/*
 * There is nothing that could show whether there is room again: note what was thrown away, and ask.
 * Said only at a line's end: the rest of a line that was begun is thrown away in any case.
 */
static void stream_probe(struct stream *s, usec_t now_usec)
{
	int r = segment_is_open(&s->segment) ? 0 : stream_open_segment(s);

	if (r == 0)
		r = stream_note_dropped(s);
	if (r == 0 && segment_has_room(&s->segment))
		stream_set_state(s, STREAM_COLLECTING, 0);
	s->retry_usec = usec_add(now_usec, STREAM_RETRY_USEC);
	stream_count(s);
}

/* Nothing has left the feed; what now is for the policy to say. */
static ssize_t stream_failed(struct stream *s, struct feed *f, int code, usec_t now_usec)
{
	s->retry_usec = usec_add(now_usec, STREAM_RETRY_USEC);
	stream_count(s);
	if (s->policy == INTAKE_POLICY_DROP) {
		stream_set_state(s, STREAM_DROPPING, code);
		return stream_drop(s, f, false);
	}
	stream_set_state(s, STREAM_BLOCKED, code);
	return -EBUSY;
}

ssize_t stream_take(struct stream *s, struct feed *f, uint64_t life, usec_t now_usec)
{
	ssize_t n;

	feed_begin(f);
	if (s->state == STREAM_BLOCKED && now_usec < s->retry_usec)
		return -EBUSY;
	if (s->state == STREAM_DROPPING && (now_usec < s->retry_usec || s->dropped_mid_line))
		return stream_drop(s, f, now_usec >= s->retry_usec);
	n = stream_store(s, f, life);
	if (n == -EAGAIN && s->state == STREAM_DROPPING)
		stream_probe(s, now_usec);
	if (n < 0 && n != -EAGAIN)
		return stream_failed(s, f, (int)n, now_usec);
	if (n > 0)
		stream_set_state(s, STREAM_COLLECTING, 0);
	return n;
}

void stream_end_life(struct stream *s, uint64_t life)
{
	s->dropped_mid_line = false; /* there is no rest of it */
	if (!segment_is_open(&s->segment) || !s->segment.life_open || s->segment.life != life)
		return;
	/* Where it fails, the next life's beginning says the same. */
	ignore_result(stream_note_dropped(s));
	ignore_result(segment_mark(&s->segment, INDEX_END, life));
	stream_count(s);
}
