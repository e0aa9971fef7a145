/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "cli/style.h"
#include "lib/base.h"

struct text;

/**
 * service_table() - append the table that `ls` shows
 * @services:     array of the type Service of io.slicekeep.supervisor, from a brief answer
 * @elapsed_usec: time since that was true; uptimes grow by it
 * @columns_max:  lines are cut at this width; 0: never
 *
 * Return: 0 or -ENOMEM.
 */
must_check int service_table(const json_t *services, usec_t elapsed_usec, const struct style *style,
			     size_t columns_max, struct text *out);

/**
 * service_footer() - append warnings, and why limits are not enforced
 * @status:    answer of Status
 * @ourselves: and what we cost
 */
void service_footer(const json_t *status, bool ourselves, struct text *out);

/** service_limits_reason() - the note of Status without the words that all such notes begin with */
const char *service_limits_reason(const char *note);

/**
 * service_exported() - what `ls --json` prints: pid null where there is none, nothing left out
 * @services: borrowed
 *
 * Return: a new reference, or NULL when out of memory.
 */
json_t *service_exported(const json_t *services);

/**
 * service_list_settled() - whether no service is on its way up
 * @services: from a brief answer
 */
bool service_list_settled(const json_t *services);
