/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <sys/types.h>

#include "lib/base.h"
#include "lib/fd.h"
#include "lib/loop.h"
#include "lib/varlink/call.h"

struct error;
struct varlink_server;

/** Connections at a time; one more is accepted and closed. */
#define VARLINK_CONNECTIONS_MAX 512

/**
 * varlink_method_fn() - carry out one call
 * @call:       answer it now or later, with exactly one varlink_call_reply() or
 * varlink_call_fail(), after any number of varlink_call_continue() if varlink_call_wants_more();
 *              later calls of this connection wait until then
 * @parameters: borrowed, an object (empty when the caller sent none)
 * @err:        what to answer when a negative value is returned, as by varlink_call_fail(); without
 *              a text it is strerror()'s
 *
 * Return: 0 when the call was or will be answered; negative errno to answer with @err.
 */
typedef int (*varlink_method_fn)(struct varlink_call *call, json_t *parameters, void *userdata,
				 struct error *err);

/**
 * struct varlink_method - a method of an interface and who may call it
 * @fn: NULL when the interface has the method but this daemon does not carry it out
 */
struct varlink_method {
	const char *name;
	enum varlink_role role;
	varlink_method_fn fn;
};

/**
 * struct varlink_interface - static description of an interface
 * @name:    "io.slicekeep.log"
 * @text:    content of its .varlink file, embedded at build time
 * @methods: @n_methods rows
 */
struct varlink_interface {
	const char *name;
	const char *text;
	const struct varlink_method *methods;
	size_t n_methods;
};

/**
 * varlink_role_fn() - which role a peer has
 * @sock: for fd_peer_in_group()
 */
typedef enum varlink_role (*varlink_role_fn)(int sock, const struct fd_peer *peer, void *userdata);

/**
 * varlink_server_new() - a server without sockets; org.varlink.service is built in
 * @role:     NULL: root and our own uid are admin, others are refused
 * @userdata: passed to @role and to every method
 *
 * Return: 0 or negative errno.
 */
must_check int varlink_server_new(struct loop *l, varlink_role_fn role, void *userdata,
				  struct varlink_server **ret_server);

/**
 * varlink_server_free() - close all connections; calls in progress are told (gone)
 * @s: NULL is allowed
 *
 * Context: not from inside a method or a callback of varlink_call_watch().
 */
void varlink_server_free(struct varlink_server *s);

/** varlink_server_add() - serve @interface, which must outlive the server; Return: 0 or -ENOMEM */
must_check int varlink_server_add(struct varlink_server *s,
				  const struct varlink_interface *interface);

/**
 * varlink_server_interface() - the interfaces that are served, in the order they were added
 * @n: 0 is org.varlink.service
 *
 * Return: borrowed, or NULL behind the last one.
 */
const struct varlink_interface *varlink_server_interface(const struct varlink_server *s, size_t n);

/**
 * varlink_server_listen() - accept connections on a listening Unix stream socket
 * @fd: taken over, also on failure
 *
 * Return: 0 or negative errno.
 */
must_check int varlink_server_listen(struct varlink_server *s, int fd);

/**
 * varlink_server_watch_idle() - be told when nobody has been connected for a while
 * @idle_usec: the while; it begins now, and anew whenever the last connection has ended
 * @fn:        may stop the loop; not to free the server
 *
 * Return: 0 or negative errno. To be called once.
 */
must_check int varlink_server_watch_idle(struct varlink_server *s, usec_t idle_usec,
					 loop_timer_fn fn, void *userdata);
