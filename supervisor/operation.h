/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

struct error;
struct manager;
struct varlink_call;

enum operation_kind {
	OPERATION_START,
	OPERATION_STOP,
	OPERATION_RESTART,
	OPERATION_SHUTDOWN,
	OPERATION_KIND_COUNT,
};

/**
 * struct operation_order - what somebody wants done
 * @names: array of strings; NULL or empty: all services of the user
 * @wait:  answer when it is complete, not when it has begun
 * @asker: who it is for
 */
struct operation_order {
	enum operation_kind kind;
	const json_t *names;
	bool wait;
	const char *asker;
};

/**
 * operation_begin() - carry out an order on some services and answer its call
 * @call:  answered when every service is at its end (or at once, without waiting); a call with
 *         "more" hears of each step
 * @order: borrowed during this call
 *
 * Return: 0 when the call is or will be answered; -ENOENT for an unknown name, or another
 * negative errno with a text: then nothing was done.
 */
must_check int operation_begin(struct manager *m, struct varlink_call *call,
			       const struct operation_order *order, struct error *err);
