/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <sys/types.h>

#include "lib/base.h"
#include "lib/fd.h"

struct error;
struct loop;
struct varlink_server;
struct varlink_call;

/** Bytes that may wait to go out to one peer before its further calls are left unread. */
#define VARLINK_OUT_MAX ((size_t)256 * 1024)
/** Connections at a time; one more is accepted and closed. */
#define VARLINK_CONNECTIONS_MAX 512

/** enum varlink_role - what a caller must be allowed to do; each contains the ones before it */
enum varlink_role {
	VARLINK_ROLE_NONE,
	VARLINK_ROLE_READ,
	VARLINK_ROLE_OPERATE,
	VARLINK_ROLE_ADMIN,
	VARLINK_ROLE_COUNT,
};

/**
 * varlink_method_fn() - carry out one call
 * @call:       answer it now or later, with exactly one varlink_call_reply() or
 * varlink_call_fail(), after any number of varlink_call_continue() if varlink_call_wants_more();
 *              later calls of this connection wait until then
 * @parameters: borrowed, an object (empty when the caller sent none)
 * @err:        what to answer when a negative value is returned; an empty id is sent as
 *              INTERFACE.Failed with the text as parameter "message"
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

/** varlink_call_wants_more() - the caller set "more" */
bool varlink_call_wants_more(const struct varlink_call *c);

/** varlink_call_is_oneway() - nobody waits for an answer; it is given all the same, and dropped */
bool varlink_call_is_oneway(const struct varlink_call *c);

/** varlink_call_peer() - who calls; borrowed */
const struct fd_peer *varlink_call_peer(const struct varlink_call *c);

/** varlink_call_role() - the role of who calls */
enum varlink_role varlink_call_role(const struct varlink_call *c);

/**
 * varlink_call_reply() - the last answer of a call; @c is gone afterwards
 * @parameters: reference taken over; NULL is an empty object
 */
void varlink_call_reply(struct varlink_call *c, json_t *parameters);

/**
 * varlink_call_continue() - one of several answers ("continues": true)
 * @parameters: reference taken over
 *
 * Return: true while there is room for more; false when VARLINK_OUT_MAX waits: go on after the
 * drained callback.
 */
bool varlink_call_continue(struct varlink_call *c, json_t *parameters);

/** varlink_call_fail() - answer with an error; @c is gone afterwards. Fields of @err as above. */
void varlink_call_fail(struct varlink_call *c, const struct error *err);

/**
 * varlink_call_watch() - be told about the connection of a call that is answered later
 * @gone:    the peer has hung up; the call must not be touched afterwards; NULL allowed
 * @drained: what waited has gone out, continue; NULL allowed
 */
void varlink_call_watch(struct varlink_call *c, void (*gone)(void *userdata),
			void (*drained)(void *userdata), void *userdata);
