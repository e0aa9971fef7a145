/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

struct frames_part;
struct loop;
struct wire;

/** Bytes that may wait to go out before a wire is full. */
#define WIRE_OUT_MAX ((size_t)256 * 1024)
/** Bytes that wait when an owner went on all the same, and nothing more is taken. */
#define WIRE_OUT_STOP ((size_t)4 * 1024 * 1024)

/**
 * struct wire_events - what the owner of a wire is told; all are called by the loop
 * @message: one message arrived; @text is NUL-terminated and valid during the call
 * @drained: the wire was full and everything has gone out; NULL allowed
 * @deaf:    the peer takes nothing any more while the owner blocks the wire: nobody waits for the
 *           answer; NULL allowed
 * @ended:   nothing more will come, and nothing that can be sent waits; called once, free the wire
 * @answers: messages make the owner send, so none is handed out while the wire is full. An owner
 *           who is answered must not wait for that: two of them would wait for each other
 *
 * Context: any of them may send, block and free the wire.
 */
struct wire_events {
	void (*message)(const char *text, size_t n_bytes, void *userdata);
	void (*drained)(void *userdata);
	void (*deaf)(void *userdata);
	void (*ended)(void *userdata);
	bool answers;
};

/**
 * wire_new() - messages over a connected Unix stream socket
 * @fd:      non-blocking; taken over on success
 * @max:     longest message, in bytes; a longer one is the end of the input
 * @events:  must outlive the wire
 *
 * Return: 0 or negative errno.
 */
must_check int wire_new(struct loop *l, int fd, size_t max, const struct wire_events *events,
			void *userdata, struct wire **ret_wire);

/** wire_free() - close the socket; nothing is called any more. NULL is allowed */
void wire_free(struct wire *w);

/**
 * wire_send() - send a message, now or as soon as the peer takes it
 * @message: borrowed
 *
 * A deaf peer's messages are dropped.
 * Context: calls nobody back.
 * Return: 0, -EMSGSIZE, -ENOMEM, -ENOBUFS at WIRE_OUT_STOP; then nothing was sent.
 */
must_check int wire_send(struct wire *w, const json_t *message);

/** wire_send_parts() - wire_send() of a message that is text already, in @n_parts parts */
must_check int wire_send_parts(struct wire *w, const struct frames_part *parts, size_t n_parts);

/** wire_full() - whether more than WIRE_OUT_MAX waits; if so, drained is called later */
bool wire_full(struct wire *w);

/**
 * wire_block() - hold back further messages, or let them come again
 *
 * Context: calls nobody back; what waited is handed out in the next turn of the loop.
 */
void wire_block(struct wire *w, bool on);

/** wire_hang_up() - read no more; what waits still goes out, then ended is called */
void wire_hang_up(struct wire *w);

/** wire_abort() - read no more and send no more; ended is called in the next turn of the loop */
void wire_abort(struct wire *w);
