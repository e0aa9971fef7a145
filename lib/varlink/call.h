/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"
#include "lib/fd.h"

struct error;
struct text;

/*
 * A call that a method of a server was handed (lib/varlink/server.h): who calls, and how it is
 * answered.
 */

struct varlink_call;

/** Bytes that may wait to go out to one peer before its further calls are left unread. */
#define VARLINK_OUT_MAX ((size_t)256 * 1024)
/** Bytes that wait when a method went on all the same, and the connection is ended. */
#define VARLINK_OUT_STOP ((size_t)4 * 1024 * 1024)

/** enum varlink_role - what a caller must be allowed to do; each contains the ones before it */
enum varlink_role {
	VARLINK_ROLE_NONE,
	VARLINK_ROLE_READ,
	VARLINK_ROLE_OPERATE,
	VARLINK_ROLE_ADMIN,
	VARLINK_ROLE_COUNT,
};

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
 * drained callback. Who cannot wait (events) may go on until VARLINK_OUT_STOP.
 */
bool varlink_call_continue(struct varlink_call *c, json_t *parameters);

/**
 * varlink_call_reply_text() - varlink_call_reply() with parameters that were written as JSON text
 * @parameters: an object; borrowed
 */
void varlink_call_reply_text(struct varlink_call *c, const struct text *parameters);

/** varlink_call_continue_text() - varlink_call_continue() with parameters as JSON text, borrowed */
bool varlink_call_continue_text(struct varlink_call *c, const struct text *parameters);

/**
 * varlink_call_fail() - answer with an error; @c is gone afterwards
 * @err: the text is sent as parameter "message"; an empty id is sent as INTERFACE.Failed; with the
 *       id org.varlink.service.InvalidParameter the text is the name of the field
 */
void varlink_call_fail(struct varlink_call *c, const struct error *err);

/**
 * varlink_call_error() - answer with an error that has parameters of its own; @c is gone afterwards
 * @id:         fully qualified
 * @parameters: reference taken over; NULL is an empty object. A member "message" is what people
 *              are shown.
 */
void varlink_call_error(struct varlink_call *c, const char *id, json_t *parameters);

/**
 * varlink_call_watch() - be told about the connection of a call that is answered later
 * @gone:    the peer has hung up; the call must not be touched afterwards. With NULL, or without
 *           a watch, the call stays valid, and is to be answered into nothing
 * @drained: what waited has gone out, continue; NULL allowed
 */
void varlink_call_watch(struct varlink_call *c, void (*gone)(void *userdata),
			void (*drained)(void *userdata), void *userdata);
