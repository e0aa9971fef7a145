/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/loop.h"
#include "lib/wall-timer.h"

struct share;
struct stream_shared;

/**
 * prune_expire_fn() - seal what is being written and too old, so that it can be deleted
 *
 * Return: when there will be such a segment, wall clock, or USEC_INFINITY.
 */
typedef usec_t (*prune_expire_fn)(usec_t now_at_usec, void *userdata);

/**
 * struct prune - deletes what retention names
 * @total_bytes: cap on everything
 * @due_at_usec: when the clock fires, at the latest
 * @again:       there is more to delete than one turn may
 */
struct prune {
	struct stream_shared *shared;
	uint64_t total_bytes;
	struct wall_timer clock;
	usec_t due_at_usec;
	struct loop_timer again;
	prune_expire_fn expire;
	void *userdata;
};

/** prune_init() - nothing is deleted yet; Return: 0 or negative errno */
must_check int prune_init(struct prune *p, struct loop *l, struct stream_shared *shared,
			  uint64_t total_bytes, prune_expire_fn expire, void *userdata);

/** prune_done() - a zeroed one is allowed */
void prune_done(struct prune *p);

/**
 * prune_all() - see to it, from the next turn of the loop on, that all caps and ages are kept
 *
 * Needed at the start and when rules have changed.
 */
void prune_all(struct prune *p);

/** prune_after() - @share has grown: delete what it or the total has too much of now */
void prune_after(struct prune *p, const struct share *share);

/** prune_by() - something may be too old at @at_usec (wall clock) */
void prune_by(struct prune *p, usec_t at_usec);
