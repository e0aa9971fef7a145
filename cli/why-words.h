/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "cli/style.h"
#include "lib/base.h"

struct text;

/** Exits that are asked for and counted, which are all that a supervisor keeps; fewer are shown. */
#define WHY_EXITS_MAX 200

/**
 * why_head() - append the first line: what the service is doing, and what its last exit was
 *
 *   "moody backoff: exit 1 after 2.1s, third failure in a row; next try in 1.6s"
 *   "site running since 4m12s: it has not exited yet"
 *   "hog running for 3.1s: before that killed by the kernel: memory 256M of 256M after 41s at
 *    03:12:04, third time today; 12s throttled"
 *
 * @service: type Service of io.slicekeep.supervisor, or NULL when it is not in the config any more
 * @exits:   of type Exit, the newest first; where WHY_EXITS_MAX are, there may have been more
 */
void why_head(struct text *out, const char *name, const json_t *service, const json_t *exits,
	      usec_t now_at_usec, const struct style *style);

/** why_evidence() - append what is known about one exit, a line for each fact */
void why_evidence(struct text *out, const json_t *exit, usec_t now_at_usec);

/** why_earlier() - append one line for each of the last exits but the first of the array */
void why_earlier(struct text *out, const json_t *exits, usec_t now_at_usec);
