/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"
#include "lib/meaning.h"

#include "log/stream-id.h"

/** Daemons of ours that may tell of events. */
#define EVENT_WRITERS_MAX 4

/** event_writers() - their names as services, ended by NULL */
extern const char *const event_writers[EVENT_WRITERS_MAX + 1];

/**
 * struct event - a line of a stream of events, understood
 * @root:  owns what the others borrow
 * @kind:  "start", "exit", …
 * @text:  one line for people, @n_text bytes
 * @who:   on whose behalf, or NULL
 * @about: service and instance; the writer itself when it names nobody
 * @level: how bad it is
 * @seq:   its number, 0: none
 * @life:  of the service: the one that it begins or ends, 0: neither
 * @ends:  it ends it
 */
struct event {
	json_t *root;
	const char *kind;
	const char *text;
	size_t n_text;
	const char *who;
	struct stream_id about;
	enum severity level;
	usec_t at_usec;
	uint64_t seq;
	uint64_t life;
	bool ends;
};

/**
 * event_read() - understand a line, which may hold anything
 * @writer:    whose stream it comes from
 * @ret_event: ended by event_done()
 *
 * Return: 0, or -EBADMSG when it tells of nothing.
 */
must_check int event_read(const char *bytes, size_t n_bytes, const struct stream_id *writer,
			  struct event *ret_event);

/** event_done() - drop it; a zeroed one is allowed */
void event_done(struct event *e);

/** event_comes_before() - whether it comes before what its service has printed in life @life
 *
 * For an event with a life of its own only.
 */
bool event_comes_before(const struct event *e, uint64_t life);
