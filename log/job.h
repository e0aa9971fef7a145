/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

#include "log/filter.h"

struct error;
struct job;
struct loop;
struct store;
struct varlink_call;

/** Lines of a call without "more" that names no limit. */
#define JOB_LIMIT_DEFAULT 1000

/**
 * struct job_order - what a caller asked for
 * @filter: taken over
 * @follow: go on when all has been read
 * @limit:  lines, for a call without "more"
 */
struct job_order {
	struct filter filter;
	bool follow;
	uint64_t limit;
};

/**
 * job_start() - answer a Query or Follow
 * @call: answered later; the job frees itself when that is done or the caller is gone
 *
 * Return: 0, or negative errno with the error to answer.
 */
must_check int job_start(struct loop *l, const struct store *store, struct varlink_call *call,
			 struct job_order *order, struct error *err);
