/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

struct error;

/*
 * A Varlink client for programs without a loop (the cli): calls block, each with a deadline.
 */

struct varlink_client;

/**
 * varlink_client_connect() - connect to a daemon
 * @path: Unix socket
 *
 * Return: 0, -ENOENT or -ECONNREFUSED when nobody listens, negative errno with a text.
 */
must_check int varlink_client_connect(const char *path, struct varlink_client **ret_client,
				      struct error *err);

/** varlink_client_free() - close; NULL is allowed */
void varlink_client_free(struct varlink_client *c);

/** varlink_client_fd() - for poll(2) beside other things; borrowed */
int varlink_client_fd(const struct varlink_client *c);

/**
 * varlink_client_call() - call and wait for the answer
 * @method:        "io.slicekeep.supervisor.List"
 * @parameters:    reference taken over; NULL is an empty object
 * @deadline_usec: monotonic, USEC_INFINITY to wait for ever
 * @ret_reply:     the parameters of the answer, a new reference
 *
 * Return: 0; -EREMOTEIO when the peer answered with an error (err->id and, from its parameter
 * "message", err->text are filled in); -ETIMEDOUT, which leaves the call going: fetch its answer
 * with varlink_client_next() or give the connection up; -EBUSY while an earlier call is going;
 * -ECONNRESET; -EBADMSG.
 */
must_check int varlink_client_call(struct varlink_client *c, const char *method, json_t *parameters,
				   usec_t deadline_usec, json_t **ret_reply, struct error *err);

/**
 * varlink_client_tell() - call with "oneway": true; there is no answer
 *
 * Return: 0 when it was sent, otherwise as varlink_client_call().
 */
must_check int varlink_client_tell(struct varlink_client *c, const char *method, json_t *parameters,
				   usec_t deadline_usec, struct error *err);

/**
 * varlink_client_begin() - call with "more": true; answers are fetched by varlink_client_next()
 *
 * Return: as varlink_client_call().
 */
must_check int varlink_client_begin(struct varlink_client *c, const char *method,
				    json_t *parameters, struct error *err);

/**
 * varlink_client_next() - the next answer of a call begun with "more", or late
 * @ret_reply: a new reference
 *
 * Return: 1 when more answers follow, 0 when this was the last, otherwise as
 * varlink_client_call(). -ETIMEDOUT leaves the call going.
 */
must_check int varlink_client_next(struct varlink_client *c, usec_t deadline_usec,
				   json_t **ret_reply, struct error *err);
