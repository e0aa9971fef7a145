/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/list.h"

#include "log/shares.h"
#include "log/stream-id.h"

/**
 * struct catalog_entry - a segment that nobody writes
 * @share_link: among those of its service
 * @instance @stream: with the share's name: whose it is
 * @bytes:  of the segment and its index
 * @at_usec: wall clock of its newest byte
 */
struct catalog_entry {
	struct list link;
	struct list share_link;
	struct share *share;
	uint32_t instance;
	uint32_t stream;
	uint64_t seq;
	uint64_t bytes;
	usec_t at_usec;
};

/**
 * struct catalog - all of them, oldest first
 * @shares: by service, with what is being written
 * @bytes:  sum of the entries' bytes
 */
struct catalog {
	struct list list;
	struct shares shares;
	uint64_t bytes;
	uint64_t n_entries;
};

/** catalog_init() - make one without entries */
void catalog_init(struct catalog *c);

/** catalog_done() - free the entries and the shares */
void catalog_done(struct catalog *c);

/** catalog_add() - a segment has been sealed, or was found; Return: 0 or -ENOMEM */
must_check int catalog_add(struct catalog *c, const struct stream_id *id, uint64_t seq,
			   uint64_t bytes, usec_t at_usec);

/** catalog_entry_id() - whose segment it is */
struct stream_id catalog_entry_id(const struct catalog_entry *entry);

/** catalog_newest_of() - the segment of a stream with the largest number, or NULL; borrowed */
struct catalog_entry *catalog_newest_of(const struct share *share, uint32_t instance,
					uint32_t stream);

/** catalog_find() - that segment, or NULL; borrowed */
struct catalog_entry *catalog_find(const struct catalog *c, const struct stream_id *id,
				   uint64_t seq);

/** catalog_resize() - an entry has become smaller, or larger */
void catalog_resize(struct catalog *c, struct catalog_entry *entry, uint64_t bytes);

/** catalog_oldest() - of all, or NULL; borrowed */
struct catalog_entry *catalog_oldest(const struct catalog *c);

/** catalog_oldest_of() - of one service, or NULL; borrowed */
struct catalog_entry *catalog_oldest_of(const struct share *share);

/** catalog_drop() - forget an entry (deleted, or written again) and free it */
void catalog_drop(struct catalog *c, struct catalog_entry *entry);
