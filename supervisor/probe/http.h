/* SPDX-License-Identifier: MIT */
#pragma once

#include "supervisor/probe/tcp.h"

struct http_attempt;

/**
 * http_attempt_start() - ask for a page; 2xx and 3xx are ok, and nothing is followed
 * @url: "http://HOST:PORT/PATH"
 * @fn:  called once
 *
 * Return: 0, or negative errno with a text (then @fn is not called).
 */
must_check int http_attempt_start(struct loop *loop, const char *url, attempt_fn fn, void *userdata,
				  struct http_attempt **ret_attempt, struct error *err);

/** http_attempt_free() - give up; NULL is allowed */
void http_attempt_free(struct http_attempt *a);
