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
 * operation_begin() - carry out an order on some services and answer its call
 * @call:  answered when every service is at its end (or at once, without @wait); a call with "more"
 *         hears of each step
 * @names: array of strings; empty: all services of the user
 * @wait:  answer when it is complete, not when it has begun
 * @asker: who it is for
 *
 * Return: 0 when the call is or will be answered; -ENOENT for an unknown name, or another
 * negative errno with a text: then nothing was done.
 */
must_check int operation_begin(struct manager *m, enum operation_kind kind,
			       struct varlink_call *call, const json_t *names, bool wait,
			       const char *asker, struct error *err);
