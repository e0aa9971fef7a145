/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

struct error;
struct loop;

/*
 * A Varlink client on the event loop (daemons): one connection, calls answered in order.
 */

struct varlink_link;

/** Calls that may wait for their answers on one link. */
#define VARLINK_LINK_CALLS_MAX 1024

/**
 * varlink_reply_fn() - one answer of a call
 * @reply:     parameters, borrowed; NULL when @err is set
 * @continues: more answers follow
 * @err:       NULL, or what the peer answered (-EREMOTEIO with its id), -ECONNRESET when the
 *             connection ended, -EBADMSG when the answer cannot be understood
 *
 * Context: may free the link.
 */
typedef void (*varlink_reply_fn)(json_t *reply, bool continues, const struct error *err,
				 void *userdata);

/** varlink_link_open() - connect; Return: 0, or negative errno when nobody listens */
must_check int varlink_link_open(struct loop *l, const char *path, struct varlink_link **ret_link);

/** varlink_link_free() - close; callbacks are not called any more. NULL is allowed */
void varlink_link_free(struct varlink_link *k);

/**
 * varlink_link_call() - send a call
 * @more:       ask for several answers
 * @parameters: reference taken over; NULL is an empty object
 * @fn:         called for each answer; for a broken connection too, once per call
 *
 * Return: 0 or negative errno (then @fn is not called): -ECONNRESET once the connection has ended,
 * -ENOBUFS when VARLINK_LINK_CALLS_MAX calls wait, or megabytes that the peer does not read.
 */
must_check int varlink_link_call(struct varlink_link *k, const char *method, json_t *parameters,
				 bool more, varlink_reply_fn fn, void *userdata);
