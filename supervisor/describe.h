/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

struct manager;
struct text;

/**
 * struct describe_how - how much is said of a service
 * @count: look at its processes now, which reads /proc; otherwise where what is known is old
 * @live:  with more: say it each second as well
 * @brief: only what a table shows, and nothing that is as usual
 */
struct describe_how {
	bool count;
	bool live;
	bool brief;
};

/**
 * describe_services() - append the answer of List, as JSON
 * @names: array of strings; NULL or empty: all
 */
void describe_services(const struct manager *m, const json_t *names, struct describe_how how,
		       struct text *out);

/**
 * describe_status() - answer of Status
 * @count: say how much memory we use, which costs a look into /proc for each keeper
 */
json_t *describe_status(const struct manager *m, bool count);
