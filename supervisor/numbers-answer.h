/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

struct error;
struct manager;
struct sampler_past;
struct text;
struct varlink_call;

/** numbers_look() - have the services looked at; @names: only these, NULL or empty: all */
void numbers_look(struct manager *m, const json_t *names);

/** numbers_describe() - append the answer of Numbers, as JSON, from what was seen last */
void numbers_describe(const struct manager *m, const json_t *names, struct text *out);

/**
 * numbers_stream() - answer Numbers with "more": each second
 * @names: borrowed
 *
 * Return: 0, or negative errno with a text.
 */
must_check int numbers_stream(struct manager *m, struct varlink_call *call, json_t *names,
			      struct error *err);

/** numbers_describe_past() - append the answer of History; Return: 0 or negative errno */
must_check int numbers_describe_past(const struct manager *m, const struct sampler_past *past,
				     struct text *out);
