/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct loop;
struct listener;

/** listener_fn() - a connection was accepted; @fd is CLOEXEC, NONBLOCK and the callee's */
typedef void (*listener_fn)(int fd, void *userdata);

/**
 * listener_new() - accept connections
 * @fd: listening socket; taken over, also on failure
 * @fn: must not free the listener
 *
 * Return: 0 or negative errno.
 */
must_check int listener_new(struct loop *l, int fd, listener_fn fn, void *userdata,
			    struct listener **ret_listener);

/** listener_accept() - accept those who wait at this moment, without waiting for the loop's turn */
void listener_accept(struct listener *l);

/** listener_free() - close the socket; NULL is allowed */
void listener_free(struct listener *l);

/** listener_room() - a connection that was accepted is being closed: there is room for another */
void listener_room(struct listener *l);
