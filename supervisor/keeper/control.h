/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "supervisor/keeper/control-frame.h"

/** Peers at a time; one more takes the place of the oldest that has not subscribed. */
#define CONTROL_PEERS_MAX 8

/** struct control_peer - one connection; fd is -1 in a free place */
struct control_peer {
	int fd;
	bool is_subscribed;
	uint32_t age;
};

/** struct control - the control socket; listener is -1 without one */
struct control {
	int listener;
	uint32_t n_accepted;
	struct control_peer peers[CONTROL_PEERS_MAX];
};

/**
 * struct control_words - a request as it came
 * @fds: @n_fds descriptors, closed after the handler
 */
struct control_words {
	struct keeper_request request;
	int fds[KEEPER_FDS_MAX];
	size_t n_fds;
};

/** control_init() - no listener, no peers */
void control_init(struct control *c);

/**
 * control_listen() - take a bound socket; from now on SO_PEERCRED names this process
 *
 * Return: 0 or negative errno.
 */
must_check int control_listen(struct control *c, int fd);

/**
 * control_bind() - bind @path and listen; a dead socket there is replaced
 *
 * Return: 0, -EADDRINUSE when somebody answers there, negative errno.
 */
must_check int control_bind(struct control *c, const char *path);

/**
 * control_accept() - take a connection, if its peer is root or our own user
 *
 * Return: the peer, to be greeted; NULL when there is none, or not for us.
 */
struct control_peer *control_accept(struct control *c);

/**
 * control_read() - take one request
 * @ret_words: descriptors are the caller's: control_words_done()
 *
 * Return: 1 with a valid request; 0 when there is nothing to do (the peer may have been dropped);
 * requests that make no sense have been answered.
 */
must_check int control_read(struct control_peer *peer, struct control_words *ret_words);

/** control_words_done() - close the descriptors that are left */
void control_words_done(struct control_words *w);

/**
 * control_send() - send a frame to a peer; one that does not read is dropped
 * @fds: @n_fds descriptors to go with it, borrowed
 */
void control_send(struct control_peer *peer, const void *frame, size_t len, const int *fds,
		  size_t n_fds);

/** control_answer() - answer a request without descriptors */
void control_answer(struct control_peer *peer, uint32_t serial, int result);

/**
 * control_publish() - send a frame to all subscribers
 * @except: but not to this one; NULL: to all
 */
void control_publish(struct control *c, const void *frame, size_t len,
		     const struct control_peer *except);

/** control_has_subscriber() - whether anybody would hear it */
bool control_has_subscriber(const struct control *c);

/** control_header() - first in each of our frames */
struct keeper_header control_header(enum keeper_message message);
