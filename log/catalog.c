/* SPDX-License-Identifier: MIT */

/*
 * What is stored and not being written, oldest first: of all services, and of each one.
 *
 * The writer is the only one who makes or deletes segments, so it reads the folders once at its
 * start and knows from then on. Entries come in the order of time or nearly so; the place of a new
 * one is searched from the newest end. The newest segment of a service that no longer runs is an
 * entry like others: it would otherwise be a debt that can never be paid.
 */

#include "log/catalog.h"

#include <stdio.h>

void catalog_init(struct catalog *c)
{
	*c = (struct catalog){0};
	list_init(&c->list);
	shares_init(&c->shares);
}

void catalog_done(struct catalog *c)
{
	list_for_each_safe(it, &c->list)
		catalog_drop(c, list_entry(it, struct catalog_entry, link));
	shares_done(&c->shares);
}

static struct catalog_entry *entry_of_link(struct list *link)
{
	return list_entry(link, struct catalog_entry, link);
}

static struct catalog_entry *entry_of_share_link(struct list *link)
{
	return list_entry(link, struct catalog_entry, share_link);
}

int catalog_add(struct catalog *c, const struct stream_id *id, uint64_t seq, uint64_t bytes,
		usec_t at_usec)
{
	struct share *share = shares_get(&c->shares, id->service);
	struct catalog_entry *entry = share ? malloc(sizeof(*entry)) : NULL;
	struct list *before = c->list.prev;

	if (!entry) {
		if (share)
			shares_release(&c->shares, share);
		return -ENOMEM;
	}
	*entry = (struct catalog_entry){.share = share,
					.instance = id->instance,
					.stream = id->stream,
					.seq = seq,
					.bytes = bytes,
					.at_usec = at_usec};
	while (before != &c->list && entry_of_link(before)->at_usec > at_usec)
		before = before->prev;
	list_append(before->next, &entry->link);
	before = share->segments.prev;
	while (before != &share->segments && entry_of_share_link(before)->at_usec > at_usec)
		before = before->prev;
	list_append(before->next, &entry->share_link);
	share->bytes += bytes;
	c->bytes += bytes;
	c->n_entries++;
	return 0;
}

struct stream_id catalog_entry_id(const struct catalog_entry *entry)
{
	struct stream_id id = {.instance = entry->instance, .stream = entry->stream};

	(void)snprintf(id.service, sizeof(id.service), "%s", entry->share->service);
	return id;
}

struct catalog_entry *catalog_newest_of(const struct share *share, uint32_t instance,
					uint32_t stream)
{
	struct catalog_entry *newest = NULL;

	list_for_each(it, &share->segments) {
		struct catalog_entry *entry = entry_of_share_link(it);

		if (entry->instance == instance && entry->stream == stream &&
		    (!newest || entry->seq > newest->seq))
			newest = entry;
	}
	return newest;
}

struct catalog_entry *catalog_find(const struct catalog *c, const struct stream_id *id,
				   uint64_t seq)
{
	const struct share *share = shares_find(&c->shares, id->service);

	if (!share)
		return NULL;
	list_for_each(it, &share->segments) {
		struct catalog_entry *entry = entry_of_share_link(it);

		if (entry->seq == seq && entry->instance == id->instance &&
		    entry->stream == id->stream)
			return entry;
	}
	return NULL;
}

void catalog_resize(struct catalog *c, struct catalog_entry *entry, uint64_t bytes)
{
	entry->share->bytes += bytes - entry->bytes;
	c->bytes += bytes - entry->bytes;
	entry->bytes = bytes;
}

struct catalog_entry *catalog_oldest(const struct catalog *c)
{
	return list_empty(&c->list) ? NULL : entry_of_link(c->list.next);
}

struct catalog_entry *catalog_oldest_of(const struct share *share)
{
	return list_empty(&share->segments) ? NULL : entry_of_share_link(share->segments.next);
}

void catalog_drop(struct catalog *c, struct catalog_entry *entry)
{
	struct share *share = entry->share;

	list_remove(&entry->link);
	list_remove(&entry->share_link);
	c->bytes -= entry->bytes;
	c->n_entries--;
	share->bytes -= entry->bytes;
	free(entry);
	shares_release(&c->shares, share);
}
