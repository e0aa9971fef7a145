/* SPDX-License-Identifier: MIT */

/*
 * The writer: all streams, and whose turn it is.
 *
 * Only the pipe of the life whose turn it is is watched; the others wait in their keepers' hands
 * and their own buffers. Each turn takes a bounded number of bytes from one stream and goes back to
 * the loop, so a service that floods costs the others one turn of delay and no more. A pipe whose
 * life has ended is asked until it says that it is empty, since a stranger may hold its other end
 * open for ever.
 *
 * A life whose keeper has gone counts as ended when the next one is offered: a keeper only starts a
 * life after it has seen the end of the former one.
 */

#include "log/writer.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/loop.h"

#include "log/board.h"
#include "log/feed.h"
#include "log/pace.h"
#include "log/prune.h"
#include "log/retention.h"
#include "log/stocktake.h"
#include "log/stream.h"

/** Bytes that one stream may take before others have their turn. */
#define TURN_BYTES_MAX ((size_t)256 * 1024)

/**
 * struct writer
 * @overseer: who has told the rules and hears of troubles; NULL: nobody
 */
struct writer {
	struct loop *loop;
	struct stream_shared shared;
	struct prune prune;
	struct list sources;
	struct list due;
	unsigned n_sources;
	unsigned n_pipes;
	uint64_t segment_bytes;
	struct loop_timer timer;
	usec_t timer_usec;
	writer_tell_fn tell;
	struct writer_peer *overseer;
	bool overseer_is_new;
	writer_stored_fn stored;
	void *stored_userdata;
	int lock_fd;
	int board_fd;
};

/**
 * struct source - a stream that somebody may write to
 * @due_link: in the writer's list of those that are due at some time
 * @due_usec: when it is served without its pipe asking for it
 */
struct source {
	struct list link;
	struct list due_link;
	struct writer *writer;
	struct stream stream;
	usec_t due_usec;
};

/**
 * struct pipe - one life's pipe
 * @peer_link:  in its peer's list
 * @ready_usec: since when there may be something in it that nobody looks at; 0: it is watched
 */
struct pipe {
	struct life life;
	struct source *source;
	struct loop_fd watch;
	struct pace pace;
	struct writer_peer *peer;
	struct list peer_link;
	usec_t ready_usec;
	struct feed feed;
};

static struct pipe *source_head(const struct source *s)
{
	struct life *head = lives_head(&s->stream.lives);

	return head ? container_of(head, struct pipe, life) : NULL;
}

static void writer_share(struct writer *w)
{
	w->shared.limit_bytes = rotate_limit(w->segment_bytes, w->prune.total_bytes, w->n_sources);
}

static void pipe_free(struct pipe *p)
{
	struct source *s = p->source;

	loop_fd_done(&p->watch);
	lives_remove(&s->stream.lives, &p->life);
	list_remove(&p->peer_link);
	feed_done(&p->feed);
	s->writer->n_pipes--;
	if (s->stream.row)
		s->stream.row->n_pipes = s->stream.lives.n_lives;
	free(p);
}

static struct intake_frame source_frame(const struct source *s, enum intake_kind kind,
					uint64_t life)
{
	struct intake_frame frame = {
		.magic = INTAKE_MAGIC,
		.kind = (uint16_t)kind,
		.stream = (uint16_t)s->stream.id.stream,
		.instance = s->stream.id.instance,
		.policy = s->stream.policy,
		.life = life,
	};

	memcpy(frame.name, s->stream.id.service, strlen(s->stream.id.service));
	return frame;
}

/* Whether it can be stored, and if not why: said to the one who tells the rules. */
static void source_tell(const struct source *s, int code)
{
	struct intake_frame frame = source_frame(s, INTAKE_TROUBLE, (uint64_t)-code);

	if (s->writer->overseer)
		s->writer->tell(s->writer->overseer, &frame);
}

static void source_free(struct source *s)
{
	struct pipe *p;

	while ((p = source_head(s)))
		pipe_free(p);
	if (s->stream.state != STREAM_COLLECTING)
		source_tell(s, 0);
	stream_done(&s->stream);
	list_remove(&s->link);
	list_remove(&s->due_link);
	s->writer->n_sources--;
	writer_share(s->writer);
	free(s);
}

/* --- turns ------------------------------------------------------------------------------------ */

/* One timer for all sources, set to the one that is due first. */
static void writer_wake(struct writer *w, usec_t at_usec)
{
	if (at_usec >= w->timer_usec)
		return;
	w->timer_usec = at_usec;
	if (loop_timer_set(&w->timer, at_usec) < 0)
		log_error("cannot set a timer: pipes may wait for their next byte");
}

static void source_due(struct source *s, usec_t at_usec)
{
	s->due_usec = at_usec;
	list_remove(&s->due_link);
	list_append(&s->writer->due, &s->due_link);
	writer_wake(s->writer, at_usec);
}

static void pipe_drained(struct pipe *p)
{
	struct source *s = p->source;
	struct intake_frame frame = source_frame(s, INTAKE_DRAINED, p->life.number);
	struct writer_peer *peer = p->peer;

	stream_end_life(&s->stream, p->life.number);
	pipe_free(p);
	if (peer)
		s->writer->tell(peer, &frame);
}

/* Bytes taken; 0 when the pipe is done with; negative when its turn is over. */
static ssize_t pipe_take(struct pipe *p)
{
	struct source *s = p->source;
	usec_t began_usec = clock_now_usec(), now_usec;
	enum stream_state before = s->stream.state;
	ssize_t n = stream_take(&s->stream, &p->feed, p->life.number, began_usec);

	if (s->stream.state != before)
		source_tell(s, s->stream.code);

	if (n > 0) {
		now_usec = clock_now_usec();
		board_lag_note(s->writer->shared.board, now_usec,
			       now_usec - (p->ready_usec ?: began_usec));
		p->ready_usec = 0;
	}
	if (n == -EAGAIN && p->life.ended)
		return 0;
	if (n == -EAGAIN || n >= 0)
		return n;
	source_due(s, usec_add(began_usec, STREAM_RETRY_USEC));
	return -EBUSY;
}

/* Until its next turn: when there is something, or at a time. */
static void pipe_rest(struct pipe *p, size_t taken)
{
	usec_t now_usec = clock_now_usec();
	/* Nothing may come any more that would wake us. */
	bool at_once = p->life.ended || feed_is_left(&p->feed);
	usec_t due_usec = at_once ? now_usec : pace_turn(&p->pace, taken, now_usec);

	p->ready_usec = due_usec > 0 || taken >= TURN_BYTES_MAX ? now_usec : 0;
	if (due_usec > 0)
		source_due(p->source, due_usec);
	else if (p->source->stream.state == STREAM_DROPPING)
		source_due(p->source, usec_add(now_usec, STREAM_RETRY_USEC));
	if (loop_fd_set(&p->watch, due_usec > 0 ? 0 : LOOP_READ) < 0)
		source_due(p->source, usec_add(now_usec, STREAM_RETRY_USEC));
}

/* Take what the head has, up to a turn's worth; false when it is the turn of the next life. */
static bool pipe_turn(struct pipe *p)
{
	size_t taken = 0;
	ssize_t n;

	while (taken < TURN_BYTES_MAX) {
		n = pipe_take(p);
		if (n == 0) {
			pipe_drained(p);
			return false;
		}
		if (n == -EBUSY) {
			ignore_result(loop_fd_set(&p->watch, 0));
			return true;
		}
		if (n < 0)
			break;
		taken += (size_t)n;
		if (!pace_is_flood(&p->pace, (size_t)n) && !p->life.ended &&
		    !feed_is_left(&p->feed))
			break;
	}
	pipe_rest(p, taken);
	return true;
}

static void source_serve(struct source *s)
{
	struct writer *w = s->writer;
	struct pipe *p;

	list_remove(&s->due_link);
	do
		p = source_head(s);
	while (p && !pipe_turn(p));
	prune_after(&w->prune, s->stream.share);
	prune_by(&w->prune, stream_due(&s->stream));
	if (!p)
		source_free(s);
	if (w->stored)
		w->stored(w->stored_userdata);
}

static void on_pipe(int fd, int events, void *userdata)
{
	struct pipe *p = userdata;

	/* An earlier life has been offered late: this one waits for it. */
	if (p != source_head(p->source))
		ignore_result(loop_fd_set(&p->watch, 0));
	else
		source_serve(p->source);
}

static void writer_tell_troubles(struct writer *w)
{
	w->overseer_is_new = false;
	list_for_each(it, &w->sources) {
		const struct source *s = list_entry(it, struct source, link);

		if (s->stream.state != STREAM_COLLECTING)
			source_tell(s, s->stream.code);
	}
}

static void on_timer(void *userdata)
{
	struct writer *w = userdata;
	usec_t now_usec = clock_now_usec();

	w->timer_usec = USEC_INFINITY;
	if (w->overseer_is_new)
		writer_tell_troubles(w);
	list_for_each_safe(it, &w->due) {
		struct source *s = list_entry(it, struct source, due_link);

		if (s->due_usec <= now_usec)
			source_serve(s);
	}
	list_for_each(it, &w->due)
		writer_wake(w, list_entry(it, struct source, due_link)->due_usec);
}

/* --- what the keepers say --------------------------------------------------------------------- */

static struct stream_id frame_id(const struct intake_frame *frame)
{
	struct stream_id id = {.instance = frame->instance, .stream = frame->stream};

	memcpy(id.service, frame->name, strnlen(frame->name, STREAM_SERVICE_MAX));
	return id;
}

static struct source *source_find(const struct writer *w, const struct stream_id *id)
{
	list_for_each(it, &w->sources) {
		struct source *s = list_entry(it, struct source, link);

		if (stream_id_compare(&s->stream.id, id) == 0)
			return s;
	}
	return NULL;
}

static struct source *source_get(struct writer *w, const struct stream_id *id)
{
	struct source *s = source_find(w, id);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s || stream_init(&s->stream, &w->shared, id) < 0) {
		free(s);
		return NULL;
	}
	s->writer = w;
	list_init(&s->due_link);
	list_append(&w->sources, &s->link);
	w->n_sources++;
	writer_share(w);
	return s;
}

static int pipe_new(struct source *s, const struct intake_frame *frame, struct feed *offered,
		    struct pipe **ret_pipe)
{
	struct pipe *p;
	int r;

	if (s->writer->n_pipes >= WRITER_PIPES_MAX)
		return -ENOBUFS;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->source = s;
	list_init(&p->peer_link);
	p->life.number = frame->life;
	r = loop_fd_init(&p->watch, s->writer->loop, offered->pipe_fd, 0, on_pipe, p);
	if (r == 0)
		r = lives_insert(&s->stream.lives, &p->life);
	if (r < 0) {
		loop_fd_done(&p->watch);
		free(p);
		return r;
	}
	p->feed = *offered;
	*offered = FEED_NONE;
	s->writer->n_pipes++;
	if (s->stream.row)
		s->stream.row->n_pipes = s->stream.lives.n_lives;
	*ret_pipe = p;
	return 0;
}

static void source_end_orphans(struct source *s, uint64_t before)
{
	list_for_each(it, &s->stream.lives.list) {
		struct pipe *p = container_of(it, struct pipe, life.link);

		if (p->life.number < before && !p->peer)
			p->life.ended = true;
	}
}

/* The life that a frame speaks of, by its number and, if @inode is given, by its pipe. */
static struct pipe *pipe_find(const struct source *s, uint64_t number, ino_t inode)
{
	struct life *life = lives_find(&s->stream.lives, number);
	struct pipe *p = life ? container_of(life, struct pipe, life) : NULL;

	return p && (inode == 0 || inode == p->feed.inode) ? p : NULL;
}

int writer_offer(struct writer *w, const struct intake_frame *frame, const int *fds, size_t n_fds,
		 struct writer_peer *peer)
{
	cleanup(feed_done) struct feed offered = FEED_NONE;
	struct stream_id id = frame_id(frame);
	int r = feed_init(&offered, fds, n_fds);
	struct source *s;
	struct pipe *p;

	if (r < 0)
		return r;
	s = source_get(w, &id);
	if (!s)
		return -ENOMEM;
	p = pipe_find(s, frame->life, offered.inode);
	if (p)
		feed_renew(&p->feed, &offered);
	else
		r = pipe_new(s, frame, &offered, &p);
	if (r == 0) {
		s->stream.policy = frame->policy;
		p->peer = peer;
		list_remove(&p->peer_link);
		list_append(&peer->pipes, &p->peer_link);
		p->pace.room_bytes = feed_room(&p->feed);
		source_end_orphans(s, frame->life);
	}
	source_due(s, clock_now_usec());
	return r;
}

void writer_end(struct writer *w, const struct intake_frame *frame)
{
	struct stream_id id = frame_id(frame);
	struct source *s = source_find(w, &id);
	struct pipe *p = s ? pipe_find(s, frame->life, 0) : NULL;

	if (!p)
		return; /* its end of file came first and was answered */
	p->life.ended = true;
	source_due(s, clock_now_usec());
}

void writer_forget(struct writer *w, struct writer_peer *peer)
{
	if (w->overseer == peer)
		w->overseer = NULL;
	list_for_each_safe(it, &peer->pipes) {
		struct pipe *p = list_entry(it, struct pipe, peer_link);

		list_remove(&p->peer_link);
		p->peer = NULL;
	}
}

void writer_finish(struct writer *w)
{
	list_for_each_safe(it, &w->sources)
		source_serve(list_entry(it, struct source, link));
}

void writer_rotate(struct writer *w, const char *service)
{
	list_for_each(it, &w->sources) {
		struct source *s = list_entry(it, struct source, link);

		if (service[0] == '\0' || strcmp(service, s->stream.id.service) == 0)
			stream_rotate(&s->stream);
	}
}

/* --- what is kept ----------------------------------------------------------------------------- */

int writer_retain(struct writer *w, const struct intake_retain *frame, struct writer_peer *peer)
{
	struct shares *shares = &w->shared.catalog.shares;
	struct rule rule = {.max_bytes = frame->max_bytes, .max_age_usec = frame->max_age_usec};

	prune_all(&w->prune);
	if (frame->name[0])
		return shares_tell(shares, frame->name, rule, frame->round);
	shares_told(shares, rule, frame->round);
	w->overseer = peer;
	w->overseer_is_new = true;
	writer_wake(w, clock_now_usec()); /* it may be hung up on, which must not happen here */
	return 0;
}

static usec_t on_expiry(usec_t now_at_usec, void *userdata)
{
	struct writer *w = userdata;
	usec_t due_usec = USEC_INFINITY;

	list_for_each(it, &w->sources) {
		struct source *s = list_entry(it, struct source, link);

		due_usec = MIN_OF(due_usec, stream_expire(&s->stream, now_at_usec));
	}
	return due_usec;
}

/* --- birth and death -------------------------------------------------------------------------- */

static int writer_begin(struct writer *w, const struct writer_config *config, struct error *err)
{
	struct stream_shared *shared = &w->shared;
	uint64_t total_bytes = config->total_bytes, fs_bytes = 0;
	int r;

	r = store_open(&shared->store, config->log_dir, true, err);
	if (r == 0)
		r = store_lock(&shared->store, &w->lock_fd, err);
	if (r < 0)
		return r;
	r = stocktake(&shared->store, &shared->catalog);
	if (r == 0 && total_bytes == 0) {
		r = store_fs_bytes(&shared->store, &fs_bytes);
		total_bytes = retention_default_total(fs_bytes);
	}
	if (r == 0)
		r = peek_init(&shared->peek);
	if (r == 0)
		r = board_new(&shared->board, &w->board_fd);
	if (r == 0)
		r = loop_timer_init(&w->timer, w->loop, on_timer, w);
	if (r == 0)
		r = prune_init(&w->prune, w->loop, shared, total_bytes, on_expiry, w);
	if (r < 0)
		return error_set(err, r, "cannot take over the log folder \"%s\": %s",
				 config->log_dir, strerror(-r));
	writer_share(w);
	prune_all(&w->prune);
	return 0;
}

int writer_new(struct loop *l, const struct writer_config *config, writer_tell_fn tell,
	       struct writer **ret_writer, struct error *err)
{
	struct writer *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return error_set(err, -ENOMEM, "out of memory");
	w->loop = l;
	w->tell = tell;
	w->timer_usec = USEC_INFINITY;
	w->segment_bytes = config->segment_bytes;
	w->lock_fd = w->board_fd = -1;
	w->shared.store.dir_fd = w->shared.peek.read_fd = w->shared.peek.write_fd = -1;
	list_init(&w->sources);
	list_init(&w->due);
	catalog_init(&w->shared.catalog);
	r = writer_begin(w, config, err);
	if (r < 0) {
		writer_free(w);
		return r;
	}
	*ret_writer = w;
	return 0;
}

void writer_free(struct writer *w)
{
	if (!w)
		return;
	list_for_each_safe(it, &w->sources)
		source_free(list_entry(it, struct source, link));
	loop_timer_done(&w->timer);
	prune_done(&w->prune);
	catalog_done(&w->shared.catalog);
	peek_done(&w->shared.peek);
	store_done(&w->shared.store);
	close_fd(&w->lock_fd);
	close_fd(&w->board_fd);
	free(w);
}

void writer_watch(struct writer *w, writer_stored_fn fn, void *userdata)
{
	w->stored = fn;
	w->stored_userdata = userdata;
}

struct stream_shared *writer_shared(struct writer *w)
{
	return &w->shared;
}

int writer_board(const struct writer *w)
{
	return w->board_fd;
}
