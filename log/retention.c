/* SPDX-License-Identifier: MIT */

/*
 * What has to go: first what is too old, then what a service has above its own cap, then the oldest
 * of all while everything together is above the total.
 *
 * Only whole segments go, and only sealed ones; that they are small enough for it is seen to when
 * they are written. A cap gives half of itself to what is being written (down to ROTATE_LIMIT_MIN a
 * stream, which is the least that is exact). An age lets a segment span a tenth of itself, so a
 * line is gone when it is 1.1 times as old as allowed, at the latest, and a stream has a dozen
 * segments for its age, at most, whatever the age is.
 *
 * The age is that of the newest byte. All segments of a service have the same rule, so its oldest
 * one is due first, and to find the next of all means to look at one for each service.
 */

#include "log/retention.h"

#include "log/catalog.h"
#include "log/rotate.h"

uint64_t retention_default_total(uint64_t fs_bytes)
{
	return fs_bytes > 0 ? MIN_OF(RETENTION_TOTAL_DEFAULT, fs_bytes / 10)
			    : RETENTION_TOTAL_DEFAULT;
}

static struct catalog_entry *excess_of(const struct catalog *c, const struct share *share)
{
	uint64_t max_bytes = share_rule(&c->shares, share)->max_bytes;

	return max_bytes > 0 && share->bytes > max_bytes ? catalog_oldest_of(share) : NULL;
}

static struct catalog_entry *excess_of_any(const struct catalog *c)
{
	struct catalog_entry *entry = NULL;

	list_for_each(it, &c->shares.list) {
		entry = excess_of(c, list_entry(it, struct share, link));
		if (entry)
			break;
	}
	return entry;
}

struct catalog_entry *retention_excess(const struct catalog *c, const struct share *share,
				       uint64_t open_bytes, uint64_t total_bytes)
{
	struct catalog_entry *entry = share ? excess_of(c, share) : excess_of_any(c);

	if (!entry && c->bytes + open_bytes > total_bytes)
		entry = catalog_oldest(c);
	return entry;
}

struct catalog_entry *retention_expired(const struct catalog *c, usec_t now_at_usec,
					usec_t *ret_due_at_usec)
{
	usec_t due_usec = USEC_INFINITY;

	list_for_each(it, &c->shares.list) {
		const struct share *share = list_entry(it, struct share, link);
		struct catalog_entry *oldest = catalog_oldest_of(share);
		usec_t max_age_usec = share_rule(&c->shares, share)->max_age_usec;

		if (!oldest || max_age_usec == 0)
			continue;
		due_usec = MIN_OF(due_usec, usec_add(oldest->at_usec, max_age_usec));
		if (due_usec <= now_at_usec)
			return oldest;
	}
	*ret_due_at_usec = due_usec;
	return NULL;
}

uint64_t retention_limit(const struct rule *rule, uint64_t limit_bytes, unsigned n_streams)
{
	if (rule->max_bytes == 0)
		return limit_bytes;
	return rotate_limit(limit_bytes, rule->max_bytes, n_streams);
}

usec_t retention_span(const struct rule *rule)
{
	return rule->max_age_usec > 0 ? rule->max_age_usec / RETENTION_AGE_PARTS : USEC_INFINITY;
}
