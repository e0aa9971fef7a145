/* SPDX-License-Identifier: MIT */

/*
 * What is stored and not being written, oldest first, and which of it goes when the total is full.
 *
 * The writer is the only one who makes or deletes segments, so it reads the folders once at its
 * start and knows from then on. Entries come in the order of time or nearly so; the place of a new
 * one is searched from the newest end. The newest segment of a service that no longer runs is an
 * entry like others: it would otherwise be a debt that can never be paid.
 */

#include "log/catalog.h"

void catalog_init(struct catalog *c)
{
	*c = (struct catalog){0};
	list_init(&c->list);
}

void catalog_done(struct catalog *c)
{
	list_for_each_safe(it, &c->list)
		catalog_drop(c, list_entry(it, struct catalog_entry, link));
}

int catalog_add(struct catalog *c, const struct stream_id *id, uint64_t seq, uint64_t bytes,
		usec_t at_usec)
{
	struct catalog_entry *entry = malloc(sizeof(*entry));
	struct list *before = c->list.prev;

	if (!entry)
		return -ENOMEM;
	*entry = (struct catalog_entry){.id = *id, .seq = seq, .bytes = bytes, .at_usec = at_usec};
	while (before != &c->list &&
	       list_entry(before, struct catalog_entry, link)->at_usec > at_usec)
		before = before->prev;
	list_append(before->next, &entry->link);
	c->bytes += bytes;
	c->n_entries++;
	return 0;
}

struct catalog_entry *catalog_newest(const struct catalog *c, const struct stream_id *id)
{
	struct catalog_entry *newest = NULL;

	list_for_each(it, &c->list) {
		struct catalog_entry *entry = list_entry(it, struct catalog_entry, link);

		if (stream_id_compare(&entry->id, id) == 0 && (!newest || entry->seq > newest->seq))
			newest = entry;
	}
	return newest;
}

struct catalog_entry *catalog_oldest(const struct catalog *c)
{
	return list_empty(&c->list) ? NULL : list_entry(c->list.next, struct catalog_entry, link);
}

void catalog_drop(struct catalog *c, struct catalog_entry *entry)
{
	list_remove(&entry->link);
	c->bytes -= entry->bytes;
	c->n_entries--;
	free(entry);
}

struct catalog_entry *catalog_victim(const struct catalog *c, uint64_t open_bytes,
				     uint64_t total_bytes)
{
	return c->bytes + open_bytes > total_bytes ? catalog_oldest(c) : NULL;
}

uint64_t catalog_default_total(uint64_t fs_bytes)
{
	return MIN_OF(CATALOG_TOTAL_DEFAULT, fs_bytes / 10);
}
