/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct error;
struct loop;

/*
 * An HTTP client for questions whose answer is the status: one GET, one connection, no redirects
 * followed, no names resolved. The one place that knows libevent's evhttp.
 */

/** Bytes of an answer's body that are read before the connection is closed. */
#define HTTP_BODY_MAX (64 * 1024)
#define HTTP_HOST_MAX 256

/**
 * struct http_url - the parts of "http://HOST[:PORT][/PATH][?QUERY]"
 * @host:      without the brackets of an IPv6 address
 * @authority: for the Host header: HOST:PORT, with the brackets
 * @path:      with the query, "/" at least; heap
 */
struct http_url {
	char host[HTTP_HOST_MAX];
	char authority[HTTP_HOST_MAX + 8];
	uint16_t port;
	char *path;
};

/**
 * http_url_parse() - read a URL
 * @ret_url: ended by http_url_done()
 *
 * Return: 0, -EINVAL with a text, -ENOMEM.
 */
must_check int http_url_parse(const char *url, struct http_url *ret_url, struct error *err);

/** http_url_done() - free; a zeroed one is allowed */
void http_url_done(struct http_url *u);

struct http_get;

/**
 * http_get_fn() - the answer
 * @status: 100 … 999; 0 when there was none
 * @code:   then: positive errno, 0 when only the @text says why
 *
 * Context: from the loop, once; http_get_free() is allowed and necessary.
 */
typedef void (*http_get_fn)(int status, int code, const char *text, void *userdata);

/**
 * http_get_start() - ask
 * @address: numeric IP address to connect to, on the port of the URL
 * @url:     borrowed until the call returns
 *
 * There is no time limit: whoever has waited enough calls http_get_free().
 * Return: 0 or negative errno.
 */
must_check int http_get_start(struct loop *loop, const char *address, const struct http_url *url,
			      http_get_fn fn, void *userdata, struct http_get **ret_get);

/** http_get_free() - close; the callback is not called any more. NULL is allowed */
void http_get_free(struct http_get *g);
