/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

struct list;

/** Events held in memory for a subscriber that is a little behind; older ones are on disk. */
#define EVENTS_RING 256
/** Events on disk: two files of at most this size. */
#define EVENTS_FILE_MAX ((size_t)1024 * 1024)

struct events;
struct events_subscriber;

/**
 * struct event - something that happened, without its number and time
 * @kind:    one of the kinds of the type Event of io.slicekeep.supervisor
 * @text:    one line for people
 * @level:   "error" or "warning"; NULL: nothing is wrong
 * @at_usec: wall clock of when it happened, 0: now
 * @service: whom it is about, NULL: all of us
 * @who:     on whose behalf, or NULL
 * @life:    which life of the service begins, 0: none does
 * @exit:    JSON of type Exit, or NULL
 */
struct event {
	const char *kind;
	const char *text;
	const char *level;
	usec_t at_usec;
	const char *service;
	unsigned instance;
	const char *who;
	uint64_t life;
	const char *exit;
};

/** events_open() - read the last number back from FOLDER; Return: 0 or negative errno */
must_check int events_open(const char *folder, struct events **ret_events);

/** events_close() - NULL is allowed */
void events_close(struct events *e);

/**
 * events_add() - something happened
 *
 * Written with one write(2), never synced: an event is a convenience, the desired state is not.
 */
void events_add(struct events *e, const struct event *event);

/**
 * events_since() - events with a sequence number > @since, at most @limit, oldest first
 * @names: NULL-terminated services, or NULL for all
 * @limit: counts from the newest when @since is 0
 *
 * Return: array, new reference, or NULL.
 */
json_t *events_since(struct events *e, uint64_t since, size_t limit, char *const *names);

/** events_line_fn - event number @seq as it is kept, @len bytes; Return: whether to go on */
typedef bool (*events_line_fn)(uint64_t seq, const char *line, size_t len, void *userdata);

/**
 * events_walk() - each event that is left with a number > @since, oldest first
 *
 * Context: @fn may not add events.
 * Return: 0 or negative errno.
 */
must_check int events_walk(const struct events *e, uint64_t since, events_line_fn fn,
			   void *userdata);

/** events_life_fn - @life of @service */
typedef void (*events_life_fn)(const char *service, uint64_t life, void *userdata);

/** events_begun_lives() - each kept beginning of a life, oldest first; Return: 0 or negative errno
 */
must_check int events_begun_lives(const struct events *e, events_life_fn fn, void *userdata);

/** events_ended_lives() - each kept end of one; Return: 0 or negative errno */
must_check int events_ended_lives(const struct events *e, events_life_fn fn, void *userdata);

/** events_newest() - sequence number of the newest event, 0 before the first */
uint64_t events_newest(const struct events *e);

/** events_subscribe() - call @fn when there is a new event; Return: 0 or -ENOMEM */
must_check int events_subscribe(struct events *e, void (*fn)(void *userdata), void *userdata,
				struct events_subscriber **ret_subscriber);

/** events_unsubscribe() - NULL is allowed; may be called inside the callback */
void events_unsubscribe(struct events_subscriber *s);
