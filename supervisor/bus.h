/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/list.h"
#include "lib/loop.h"
#include "supervisor/bus-library.h"

/*
 * A connection to systemd's manager, on the event loop: calls that are answered later, signals, and
 * a new connection when the old one has broken.
 */

/** bus_answer_fn() - an answer came, or none will: @code 0 or negative errno, @m NULL then or an
 * error message */
typedef void (*bus_answer_fn)(int code, sd_bus_message *m, void *userdata);

/**
 * struct bus_events - what happens to a connection
 * @opened: there is one; calls may be made
 * @closed: it has broken, after all that waited was answered with -ECONNRESET; another is tried
 * @told:   a signal came
 */
struct bus_events {
	void (*opened)(void *userdata);
	void (*closed)(void *userdata);
	void (*told)(sd_bus_message *m, void *userdata);
};

/** struct bus_owner - who uses a connection; @events are borrowed and outlive it */
struct bus_owner {
	struct loop *loop;
	const struct bus_events *events;
	void *userdata;
};

/**
 * struct bus - a connection, or the will to have one
 * @path:  socket of the manager
 * @calls: struct bus_call by link, those that wait for an answer
 * @fault: why there is no connection, negative errno; 0 while there is one
 */
struct bus {
	struct bus_library sd;
	struct bus_owner owner;
	char *path;
	sd_bus *link;
	struct loop_fd socket;
	struct loop_timer timer;
	struct loop_timer again;
	struct list calls;
	usec_t pause_usec;
	int fault;
};

/**
 * bus_init() - load the library and connect
 * @owner:   copied
 * @path:    borrowed for the call
 * @patient: one that cannot be connected to now is tried again, until it can; then @opened is told
 *
 * Context: calls nobody back.
 * Return: 0, or negative errno with a text.
 */
must_check int bus_init(struct bus *b, const struct bus_owner *owner, const char *path,
			bool patient, struct error *err);

/** bus_done() - hang up; what waits is answered with -ECONNRESET. A zeroed bus is allowed */
void bus_done(struct bus *b);

/**
 * bus_message_new() - a call of a method of the manager, to be filled in
 * @path: object; NULL: the manager itself
 *
 * Return: 0, -ENOTCONN, negative errno.
 */
must_check int bus_message_new(struct bus *b, const char *path, const char *interface,
			       const char *method, sd_bus_message **ret_message);

/**
 * bus_call() - send it
 * @m:  taken, on failure too
 * @fn: called once, from the loop, within BUS_ANSWER_USEC
 *
 * Return: 0 or negative errno; then @fn is not called.
 */
must_check int bus_call(struct bus *b, sd_bus_message *m, bus_answer_fn fn, void *userdata);

/** How long the manager may take to answer. */
#define BUS_ANSWER_USEC (10 * USEC_PER_SEC)
