/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"
#include "lib/varlink/frames.h"

/*
 * A Varlink peer that may misbehave: it sends what it is told to. Waiting ends after
 * PEER_DEADLINE_MSEC with a failed test.
 */

#define PEER_DEADLINE_MSEC 20000

struct peer {
	struct frames in;
	int fd;
};

#define cleanup_peer cleanup(peer_done)

/** peer_connect() - a non-blocking connection to the socket @path */
void peer_connect(struct peer *p, const char *path);

/** peer_done() - close the connection */
void peer_done(struct peer *p);

/** peer_say_some() - send as much as the kernel takes; Return: bytes */
size_t peer_say_some(struct peer *p, const char *bytes, size_t n);

/** peer_say() - send @text and its NUL */
void peer_say(struct peer *p, const char *text);

/** peer_hear() - wait for a message; Return: a new reference, NULL at the end of the stream */
json_t *peer_hear(struct peer *p);

/** peer_can_hear() - wait for bytes or the end, and leave them where they are */
bool peer_can_hear(struct peer *p);

/** peer_hears() - whether a complete message is there within @msec */
bool peer_hears(struct peer *p, int msec);

/** peer_assert_hears() - wait for a message that is exactly @expected */
void peer_assert_hears(struct peer *p, const char *expected);

/** peer_assert_ended() - wait for the end of the stream, and nothing before it */
void peer_assert_ended(struct peer *p);

/** peer_ask() - say and hear; Return: a new reference */
json_t *peer_ask(struct peer *p, const char *text);
