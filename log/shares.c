/* SPDX-License-Identifier: MIT */

/*
 * Who has how much of the store, and which rule holds for it.
 *
 * The rules are the config's, and whoever has it tells them all, one by one, each time that it
 * changes. Between the first and the last of them the old ones must hold: a short age for all, said
 * a moment before the long age of one service, would delete that service's log. So the common rule
 * is told last, and only with it do services that were not named in the same round lose theirs. A
 * round that breaks off is without effect on services that it did not name.
 *
 * A share is there for as long as something of its service is: a pipe, a segment or a rule.
 */

#include "log/shares.h"

#include <stdio.h>
#include <string.h>

void shares_init(struct shares *s)
{
	*s = (struct shares){0};
	list_init(&s->list);
}

void shares_done(struct shares *s)
{
	list_for_each_safe(it, &s->list) {
		struct share *share = list_entry(it, struct share, link);

		list_remove(&share->link);
		free(share);
	}
}

struct share *shares_find(const struct shares *s, const char *service)
{
	list_for_each(it, &s->list) {
		struct share *share = list_entry(it, struct share, link);

		if (strcmp(share->service, service) == 0)
			return share;
	}
	return NULL;
}

struct share *shares_get(struct shares *s, const char *service)
{
	struct share *share = shares_find(s, service);

	if (share)
		return share;
	share = calloc(1, sizeof(*share));
	if (!share)
		return NULL;
	(void)snprintf(share->service, sizeof(share->service), "%s", service);
	list_init(&share->segments);
	list_append(&s->list, &share->link);
	s->n_shares++;
	return share;
}

void shares_release(struct shares *s, struct share *share)
{
	if (share->n_streams > 0 || share->round > 0 || !list_empty(&share->segments))
		return;
	list_remove(&share->link);
	s->n_shares--;
	free(share);
}

const struct rule *share_rule(const struct shares *s, const struct share *share)
{
	return share->round > 0 ? &share->own : &s->common;
}

int shares_tell(struct shares *s, const char *service, struct rule rule, uint64_t round)
{
	struct share *share;

	if (s->n_shares >= SHARES_RULED_MAX)
		return -ENOBUFS;
	share = shares_get(s, service);
	if (!share)
		return -ENOMEM;
	share->own = rule;
	share->round = round;
	return 0;
}

void shares_told(struct shares *s, struct rule common, uint64_t round)
{
	s->common = common;
	list_for_each_safe(it, &s->list) {
		struct share *share = list_entry(it, struct share, link);

		if (share->round == round)
			continue;
		share->round = 0;
		shares_release(s, share);
	}
}
