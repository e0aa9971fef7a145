/* SPDX-License-Identifier: MIT */

/*
 * Deleting, a few segments at a time, between the turns of the pipes.
 *
 * Who has grown is looked at at once, which costs two comparisons. What grows old without anybody's
 * doing is looked at when the first of it is due: one timer of the wall clock, which is moved only
 * to an earlier time. A stream that goes on printing is never due when its timer fires; then the
 * time at which it really is, if it falls silent now, is the next, so a busy service costs one
 * wake-up in each of its ages and a store without ages none.
 *
 * A reader that has a segment open reads on in it; one that comes later is told what it missed
 * (log/tape.c). What cannot be deleted is said and forgotten until the next start: it would
 * otherwise stand in the way of all that is younger.
 */

#include "log/prune.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"

#include "log/board.h"
#include "log/retention.h"
#include "log/stream.h"

/** Segments that are deleted before the pipes have their turn. */
#define TURN_DELETES_MAX 4

static void prune_delete(struct prune *p, struct catalog_entry *victim)
{
	struct stream_shared *shared = p->shared;
	struct stream_id id = catalog_entry_id(victim);
	int r = store_delete(&shared->store, &id, victim->seq);

	if (r < 0)
		log_warning("cannot delete the oldest segment of %s: %s", id.service, strerror(-r));
	catalog_drop(&shared->catalog, victim);
	store_remove_folder(&shared->store, id.service);
	stream_shared_show(shared);
}

void prune_after(struct prune *p, const struct share *share)
{
	struct stream_shared *shared = p->shared;
	struct catalog_entry *victim;

	for (int i = 0; i < TURN_DELETES_MAX; i++) {
		victim = retention_excess(&shared->catalog, share, shared->open_bytes,
					  p->total_bytes);
		if (!victim)
			return;
		prune_delete(p, victim);
	}
}

static void prune_set(struct prune *p, usec_t at_usec)
{
	p->due_at_usec = at_usec;
	if (wall_timer_set(&p->clock, at_usec) < 0)
		log_error("cannot set a timer: logs may grow older than they should");
}

void prune_by(struct prune *p, usec_t at_usec)
{
	if (at_usec < p->due_at_usec)
		prune_set(p, at_usec);
}

static void on_again(void *userdata)
{
	struct prune *p = userdata;
	struct stream_shared *shared = p->shared;
	usec_t now_at_usec = clock_at_usec(), sealed_due_usec = USEC_INFINITY;
	usec_t open_due_usec = p->expire(now_at_usec, p->userdata);

	for (int i = 0; i < TURN_DELETES_MAX; i++) {
		struct catalog_entry *victim = retention_excess(&shared->catalog, NULL,
								shared->open_bytes, p->total_bytes);

		if (!victim)
			victim = retention_expired(&shared->catalog, now_at_usec, &sealed_due_usec);
		if (!victim) {
			prune_set(p, MIN_OF(open_due_usec, sealed_due_usec));
			return;
		}
		prune_delete(p, victim);
	}
	prune_all(p);
}

void prune_all(struct prune *p)
{
	if (loop_timer_set(&p->again, clock_now_usec()) < 0)
		log_error("cannot set a timer: logs may grow larger than they should");
}

int prune_init(struct prune *p, struct loop *l, struct stream_shared *shared, uint64_t total_bytes,
	       prune_expire_fn expire, void *userdata)
{
	int r;

	*p = (struct prune){.shared = shared,
			    .total_bytes = total_bytes,
			    .due_at_usec = USEC_INFINITY,
			    .expire = expire,
			    .userdata = userdata};
	r = loop_timer_init(&p->again, l, on_again, p);
	return r < 0 ? r : wall_timer_init(&p->clock, l, on_again, p);
}

void prune_done(struct prune *p)
{
	loop_timer_done(&p->again);
	wall_timer_done(&p->clock);
}
