/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "lib/intake-frame.h"
#include "lib/list.h"

struct collector_link;
struct loop;

/** Bytes of the largest frame that can be sent. */
#define COLLECTOR_FRAME_MAX 128

/**
 * struct collector_user - somebody who has something to say to the collector; lives inside them
 * @connected: a collector listens that has been told nothing yet: say all that it has to know
 * @answered:  what it says; NULL: not interested. Whose stream it is stands in the frame
 *
 * Neither may free the link; both may send.
 */
struct collector_user {
	struct list link;
	void (*connected)(void *userdata);
	void (*answered)(const struct intake_frame *frame, void *userdata);
	void *userdata;
};

/**
 * collector_link_new() - connect to the collector's intake from the loop, again and again
 * @path: the socket, run_file_intake()
 *
 * Return: 0 or negative errno. Nobody listening is none.
 */
must_check int collector_link_new(struct loop *loop, const char *path,
				  struct collector_link **ret_link);

/** collector_link_free() - hang up; NULL is allowed */
void collector_link_free(struct collector_link *c);

/** collector_link_join() - add a user, who hears of a connection that stands already at once */
void collector_link_join(struct collector_link *c, struct collector_user *u);

/** collector_link_leave() - remove it; twice is allowed once it was list_init()ed */
void collector_link_leave(struct collector_user *u);

/**
 * collector_link_send() - say something on the connection that stands
 * @frame: @n_bytes, at most COLLECTOR_FRAME_MAX; first a uint32_t magic, then a uint16_t kind
 * @fds:   @n_fds to pass along, at most INTAKE_FDS_MAX, borrowed
 *
 * What the socket does not take at once waits, and is dropped when the connection ends: then
 * connected() is called for the next one, and everything is said anew.
 *
 * Context: calls nobody back.
 * Return: 0, -ENOTCONN when no connection stands (connected() will be called), negative errno.
 */
must_check int collector_link_send(struct collector_link *c, const void *frame, size_t n_bytes,
				   const int *fds, size_t n_fds);
