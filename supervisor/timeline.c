/* SPDX-License-Identifier: MIT */

/*
 * The way of the events into the collector's store, where they stand between the services' lines.
 *
 * They go there as every output does: through a pipe whose read end the collector is offered, and
 * of which we keep a duplicate, and a transit beside it (lib/transit.h). A collector that dies
 * takes nothing with it, and one that reads nothing, because its disk stands still for example,
 * does not hold us up: what a full pipe does not take stays in the numbered history (events.c) and
 * is written when there is room again.
 *
 * What dies with us is the knowledge which event was written last, and with the collector at the
 * same moment what was in the pipe. No note of ours could be kept in step with a pipe across a
 * kill; so the store itself is asked what it has last, and everything behind that number is written
 * from the history. For its answer to be final, nothing of our predecessor may be on its way: the
 * lives of a stream are stored in their order, so a pipe is offered first in which there is
 * nothing, and when that one is drained, all earlier ones are. Where the history is empty there is
 * nothing to ask for: a first start.
 *
 * To write wakes the collector. In a storm, when one event follows the other for a while, they are
 * written a few times a second; an event that is killed with us before that is in the history. It
 * is one already when a few come each second: they find everybody's caches cold, and each of them
 * costs the collector twice what it costs in a faster one.
 *
 * So each event is stored once, in the order of the numbers, whoever is killed and however often. A
 * write has at most PIPE_BUF bytes, which the kernel takes as a whole or not at all. What is lost
 * is what the history has lost: more than two files' worth of events while no collector came, or
 * those that a full disk did not take while we were killed. That is said where they are missing.
 */

#include "supervisor/timeline.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/text.h"
#include "lib/transit.h"
#include "lib/varlink/link.h"
#include "supervisor/collector-link.h"
#include "supervisor/events.h"

/** Before the collector is asked again, or a pipe is tried again that gave a strange error. */
#define RETRY_USEC USEC_PER_SEC
/** Events that follow each other within that time, … */
#define QUICK_USEC (200 * USEC_PER_MSEC)
/** … after so many of them, … */
#define QUICK_MAX 8
/** … are written at most that often. */
#define NAP_USEC (200 * USEC_PER_MSEC)
/** Of a text in a line that would be too long otherwise. */
#define SHORT_TEXT_BYTES 512

enum timeline_state {
	TIMELINE_WAITING, /* for everything earlier to be stored */
	TIMELINE_ASKING,  /* what the store has last */
	TIMELINE_WRITING,
};

/**
 * struct timeline
 * @store:   connection on which the store is asked, or NULL
 * @life:    number of our pipe: our start, or a little later
 * @is_first: the history was empty when we began
 * @written: number of the last event that is in the pipe or in the store
 * @transit_fd: -1: there is none, and the collector's disk may hold us up
 * @full:    the pipe takes no more; @room tells when it does
 * @wrote_usec: when it was written last, monotonic; @n_quick: events that followed quickly
 * @napping: it is written next when @retry says so
 * @hurried: there is no time for that any more
 */
struct timeline {
	struct loop *loop;
	struct events *events;
	struct events_subscriber *subscriber;
	struct collector_link *link;
	struct collector_user user;
	struct varlink_link *store;
	struct loop_timer retry;
	struct loop_fd room;
	enum timeline_state state;
	usec_t wrote_usec;
	unsigned n_quick;
	bool napping;
	bool hurried;
	bool is_first;
	char *socket;
	uint64_t life;
	uint64_t written;
	bool full;
	int read_fd;
	int write_fd;
	int transit_fd;
};

/**
 * struct batch - lines that are written at once
 * @last:  number of the last event in it
 * @stuck: it could not be written, and is gathered again another time
 */
struct batch {
	struct timeline *timeline;
	char bytes[PIPE_BUF];
	size_t len;
	uint64_t last;
	bool stuck;
};

static void retry_at(struct timeline *t, usec_t at_usec)
{
	int r = loop_timer_set(&t->retry, at_usec);

	if (r < 0)
		log_error("events are not stored: cannot set a timer: %s", strerror(-r));
}

static void retry_later(struct timeline *t)
{
	retry_at(t, clock_now_usec() + RETRY_USEC);
}

/* --- writing ------------------------------------------------------------------------------- */

/* A line that is too long for one write goes without its details. NULL when out of memory. */
static char *shortened(const char *line, size_t len)
{
	cleanup_json json_t *event = json_loadb(line, len, 0, NULL);
	const char *text = json_get_string(event, "text");

	if (!text)
		return NULL;
	(void)json_object_del(event, "exit");
	if (json_object_set_new(event, "text", json_text(text, strnlen(text, SHORT_TEXT_BYTES))) <
	    0)
		return NULL;
	return json_dumps(event, JSON_COMPACT);
}

/* What has been gathered goes into the pipe. Return: whether there may be room for more. */
static bool flush(struct batch *b)
{
	struct timeline *t = b->timeline;

	if (b->len > 0 && write(t->write_fd, b->bytes, b->len) < 0) {
		b->stuck = true;
		if (errno == EAGAIN && loop_fd_set(&t->room, LOOP_WRITE) == 0) {
			t->full = true;
			return false;
		}
		log_warning("cannot write events for the collector, trying again: %s",
			    strerror(errno));
		retry_later(t);
		return false;
	}
	t->written = b->last;
	b->len = 0;
	return true;
}

/* Return: false when the pipe takes no more. */
static bool gather(struct batch *b, uint64_t seq, const char *line, size_t len)
{
	if (b->len + len >= sizeof(b->bytes) && !flush(b))
		return false;
	memcpy(b->bytes + b->len, line, len);
	b->len += len;
	b->bytes[b->len++] = '\n';
	b->last = seq;
	return true;
}

/* What the history does not have any more is not passed over in silence. */
static bool gather_gap(struct batch *b, uint64_t next)
{
	char line[192];

	(void)snprintf(line, sizeof(line),
		       "{\"seq\":%" PRIu64 ",\"at_usec\":%" PRIu64 ",\"kind\":\"lost\",\"level\":"
		       "\"warning\",\"text\":\"%" PRIu64 " events are missing here: the history "
		       "does not reach back to them\"}",
		       next - 1, clock_at_usec(), next - b->last - 1);
	return gather(b, next - 1, line, strlen(line));
}

static bool on_line(uint64_t seq, const char *line, size_t len, void *userdata)
{
	struct batch *b = userdata;
	cleanup_free char *brief = NULL;

	/* A store without events has missed nothing: it begins with what there is. */
	if (b->last > 0 && seq > b->last + 1 && !gather_gap(b, seq))
		return false;
	if (len >= PIPE_BUF) {
		brief = shortened(line, len);
		line = brief;
		len = brief ? strlen(brief) : 0;
	}
	if (line && len < PIPE_BUF)
		return gather(b, seq, line, len);
	b->last = seq;
	return true;
}

static void pump(struct timeline *t)
{
	struct batch b = {.timeline = t, .last = t->written};
	int r;

	if (t->state != TIMELINE_WRITING || t->full)
		return;
	t->napping = false;
	t->wrote_usec = clock_now_usec();
	r = events_walk(t->events, t->written, on_line, &b);
	if (!b.stuck)
		(void)flush(&b);
	if (r < 0) {
		log_warning("cannot read the events again for the collector: %s", strerror(-r));
		retry_later(t);
	}
}

static void on_room(int fd unused, int events unused, void *userdata)
{
	struct timeline *t = userdata;

	t->full = false;
	ignore_result(loop_fd_set(&t->room, 0));
	pump(t);
}

static void on_event(void *userdata)
{
	struct timeline *t = userdata;

	if (t->napping && !t->hurried)
		return;
	t->n_quick = clock_now_usec() < t->wrote_usec + QUICK_USEC ? t->n_quick + 1 : 0;
	if (t->hurried || t->n_quick <= QUICK_MAX || t->state != TIMELINE_WRITING || t->full) {
		pump(t);
		return;
	}
	t->napping = true;
	retry_at(t, t->wrote_usec + NAP_USEC);
}

/* --- the pipe ------------------------------------------------------------------------------ */

static int open_pipe(struct timeline *t)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	t->read_fd = ends[0];
	t->write_fd = ends[1];
	t->life = MAX_OF(clock_at_usec(), t->life + 1);
	return 0;
}

static void close_pipe(struct timeline *t)
{
	loop_fd_done(&t->room);
	close_fd(&t->read_fd);
	close_fd(&t->write_fd);
	close_fd(&t->transit_fd);
}

/* Where it fails, the connection will end, and the next one begins with connected(). */
static void offer(struct timeline *t)
{
	struct intake_frame frame = {
		.magic = INTAKE_MAGIC,
		.kind = INTAKE_OFFER,
		.stream = INTAKE_STREAM_EVENT,
		.policy = INTAKE_POLICY_BLOCK,
		.life = t->life,
		.name = "supervisor",
	};
	int fds[INTAKE_FDS_MAX] = {t->read_fd, t->transit_fd};
	int r = collector_link_send(t->link, &frame, sizeof(frame), fds, t->transit_fd < 0 ? 1 : 2);

	if (r < 0)
		log_debug("the events' pipe is offered later: %s", strerror(-r));
}

static void begin_writing(struct timeline *t)
{
	int r = open_pipe(t);

	if (r == 0)
		r = loop_fd_init(&t->room, t->loop, t->write_fd, 0, on_room, t);
	if (r < 0) {
		log_warning("cannot make a pipe for events, trying again: %s", strerror(-r));
		close_pipe(t);
		retry_later(t);
		return;
	}
	t->transit_fd = transit_new();
	if (t->transit_fd < 0)
		log_warning("a slow disk may hold us up: cannot make a second pipe for events: %s",
			    strerror(-t->transit_fd));
	t->state = TIMELINE_WRITING;
	offer(t);
	pump(t);
}

/* --- what the store has -------------------------------------------------------------------- */

static void on_stored(json_t *reply, bool continues unused, const struct error *err, void *userdata)
{
	struct timeline *t = userdata;
	const json_t *line = json_array_get(json_object_get(reply, "lines"), 0);
	bool is_first = err && text_equal(err->id, "io.slicekeep.log.NoSuchService");

	varlink_link_free(t->store);
	t->store = NULL;
	if (!reply && !is_first) {
		log_debug("the store cannot say which events it has: %s", err ? err->text : "?");
		retry_later(t);
		return;
	}
	t->written = json_get_uint(line, "seq", 0);
	/* Our state was removed, and numbers begin anew. */
	if (t->written > events_newest(t->events))
		t->written = 0;
	begin_writing(t);
}

static void ask_store(struct timeline *t)
{
	json_t *filter = json_pack("{s:{s:[s], s:[s], s:i}}", "filter", "names", "supervisor",
				   "streams", "event", "tail", 1);
	int r;

	t->state = TIMELINE_ASKING;
	r = varlink_link_open(t->loop, t->socket, &t->store);
	if (r == 0)
		r = varlink_link_call(t->store, "io.slicekeep.log.Query", json_incref(filter),
				      false, on_stored, t);
	json_decref(filter);
	if (r < 0) {
		varlink_link_free(t->store);
		t->store = NULL;
		retry_later(t);
	}
}

static void on_retry(void *userdata)
{
	struct timeline *t = userdata;

	if (t->state == TIMELINE_WRITING)
		pump(t);
	else
		ask_store(t);
}

/* --- what the collector says --------------------------------------------------------------- */

/* An empty pipe, behind those of our predecessors. */
static void offer_nothing(struct timeline *t)
{
	int r = open_pipe(t);

	if (r < 0) {
		log_error("events are not stored: cannot make a pipe: %s", strerror(-r));
		return;
	}
	close_fd(&t->write_fd);
	offer(t);
	close_pipe(t);
}

static void on_connected(void *userdata)
{
	struct timeline *t = userdata;

	if (t->state == TIMELINE_WRITING)
		offer(t);
	else if (t->state == TIMELINE_WAITING && t->is_first)
		begin_writing(t);
	else if (t->state == TIMELINE_WAITING)
		offer_nothing(t);
}

static void on_answered(const struct intake_frame *frame, void *userdata)
{
	struct timeline *t = userdata;

	if (t->state == TIMELINE_WAITING && frame->kind == INTAKE_DRAINED &&
	    frame->stream == INTAKE_STREAM_EVENT && frame->life == t->life)
		ask_store(t);
}

int timeline_new(struct loop *loop, struct events *events, struct collector_link *link,
		 const char *socket, struct timeline **ret_timeline)
{
	struct timeline *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	*t = (struct timeline){.loop = loop, .events = events, .link = link};
	t->read_fd = t->write_fd = t->transit_fd = -1;
	t->is_first = events_newest(events) == 0;
	t->user = (struct collector_user){
		.connected = on_connected, .answered = on_answered, .userdata = t};
	list_init(&t->user.link);
	t->socket = strdup(socket);
	r = t->socket ? loop_timer_init(&t->retry, loop, on_retry, t) : -ENOMEM;
	if (r == 0)
		r = events_subscribe(events, on_event, t, &t->subscriber);
	if (r < 0) {
		timeline_free(t);
		return r;
	}
	collector_link_join(link, &t->user);
	*ret_timeline = t;
	return 0;
}

void timeline_hurry(struct timeline *t)
{
	t->hurried = true;
	pump(t);
}

void timeline_free(struct timeline *t)
{
	if (!t)
		return;
	collector_link_leave(&t->user);
	events_unsubscribe(t->subscriber);
	varlink_link_free(t->store);
	loop_timer_done(&t->retry);
	close_pipe(t);
	free(t->socket);
	free(t);
}
