/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/list.h"

#include "log/stream-id.h"

/** Beyond so many services rules are refused; what is stored is what it is. */
#define SHARES_RULED_MAX 65536

/**
 * struct rule - how much of a service is kept, and for how long
 * @max_bytes:    0: the total alone counts
 * @max_age_usec: 0: for as long as there is room
 */
struct rule {
	uint64_t max_bytes;
	usec_t max_age_usec;
};

/**
 * struct share - one service's part of the store
 * @segments:  its entries in the catalog, oldest first
 * @bytes:     of all its segments, those that are being written and indexes included
 * @n_streams: that may be written; they point here
 * @round:     telling that its own rule came with; 0: it has none
 */
struct share {
	struct list link;
	struct list segments;
	char service[STREAM_SERVICE_MAX + 1];
	uint64_t bytes;
	unsigned n_streams;
	struct rule own;
	uint64_t round;
};

/**
 * struct shares - those of all services
 * @common: the rule of services without one of their own
 */
struct shares {
	struct list list;
	unsigned n_shares;
	struct rule common;
};

/** shares_init() - nothing is stored, and no rule was told */
void shares_init(struct shares *s);

/** shares_done() - free all; nothing may point at them any more */
void shares_done(struct shares *s);

/** shares_find() - the one of a service, or NULL; borrowed */
struct share *shares_find(const struct shares *s, const char *service);

/** shares_get() - the one of a service, made if there is none; NULL when out of memory; borrowed */
struct share *shares_get(struct shares *s, const char *service);

/** shares_release() - free it unless a stream, a segment or a rule of its own needs it */
void shares_release(struct shares *s, struct share *share);

/** share_rule() - its own rule, or the common one */
const struct rule *share_rule(const struct shares *s, const struct share *share);

/**
 * shares_tell() - give a service a rule of its own
 * @round: larger than 0, the same for all rules that are told together
 *
 * Return: 0, -ENOMEM, -ENOBUFS.
 */
must_check int shares_tell(struct shares *s, const char *service, struct rule rule, uint64_t round);

/** shares_told() - everything of a round was told: what it did not name has the common rule */
void shares_told(struct shares *s, struct rule common, uint64_t round);
