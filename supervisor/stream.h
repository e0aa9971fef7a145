/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"
#include "supervisor/describe.h"

struct error;
struct manager;
struct varlink_call;

/**
 * stream_services() - answer List with "more": the services now, and again after each change
 * @names: borrowed; only these
 *
 * Return: 0, or negative errno with a text.
 */
must_check int stream_services(struct manager *m, struct varlink_call *call, json_t *names,
			       struct describe_how how, struct error *err);

/**
 * stream_events() - answer Events with "more": what follows @since
 * @limit: of the past
 * @names: borrowed; only these services, NULL or empty for all
 *
 * Return: 0, or negative errno with a text.
 */
must_check int stream_events(struct manager *m, struct varlink_call *call, uint64_t since,
			     size_t limit, json_t *names, struct error *err);

/**
 * stream_names() - an array of strings as a NULL-terminated vector
 * @ret_names: heap; NULL for none, which is all
 *
 * Return: 0 or -ENOMEM.
 */
must_check int stream_names(const json_t *names, char ***ret_names);
