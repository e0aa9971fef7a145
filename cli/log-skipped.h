/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "cli/style.h"
#include "lib/base.h"

struct text;

/**
 * log_skipped_add() - append what a follower has missed, if it has
 * @reply: an answer of Follow
 * @again: command that shows the same lines, without a place
 */
void log_skipped_add(struct text *out, const json_t *reply, const char *again,
		     const struct style *style);

/** log_skipped_add_json() - the same as one JSON object, for programs */
void log_skipped_add_json(struct text *out, const json_t *reply);
