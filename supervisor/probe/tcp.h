/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct error;
struct loop;
struct tcp_attempt;

/**
 * attempt_fn() - how an attempt went
 * @text: valid during the call
 *
 * Context: may come from inside the start; the attempt must not be freed inside.
 */
typedef void (*attempt_fn)(bool ok, const char *text, void *userdata);

/**
 * tcp_attempt_start() - connect and hang up
 * @target: "HOST:PORT"
 * @fn:     called once
 *
 * Return: 0, or negative errno with a text (then @fn is not called).
 */
must_check int tcp_attempt_start(struct loop *loop, const char *target, attempt_fn fn,
				 void *userdata, struct tcp_attempt **ret_attempt,
				 struct error *err);

/** tcp_attempt_free() - give up; NULL is allowed */
void tcp_attempt_free(struct tcp_attempt *a);
