/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/list.h"

#include "log/stream-id.h"

/** Default cap on everything that is stored, unless a tenth of the file system is less. */
#define CATALOG_TOTAL_DEFAULT (UINT64_C(2) << 30)

/**
 * struct catalog_entry - a segment that nobody writes
 * @bytes:  of the segment and its index
 * @at_usec: wall clock of its newest byte
 */
struct catalog_entry {
	struct list link;
	struct stream_id id;
	uint64_t seq;
	uint64_t bytes;
	usec_t at_usec;
};

/**
 * struct catalog - all of them, oldest first
 * @bytes: sum of the entries' bytes
 */
struct catalog {
	struct list list;
	uint64_t bytes;
	uint64_t n_entries;
};

/** catalog_init() - make one without entries */
void catalog_init(struct catalog *c);

/** catalog_done() - free the entries */
void catalog_done(struct catalog *c);

/** catalog_add() - a segment has been sealed, or was found; Return: 0 or -ENOMEM */
must_check int catalog_add(struct catalog *c, const struct stream_id *id, uint64_t seq,
			   uint64_t bytes, usec_t at_usec);

/** catalog_newest() - the segment of a stream with the largest number, or NULL; borrowed */
struct catalog_entry *catalog_newest(const struct catalog *c, const struct stream_id *id);

/** catalog_oldest() - what would be deleted first, or NULL; borrowed */
struct catalog_entry *catalog_oldest(const struct catalog *c);

/** catalog_drop() - forget an entry (deleted, or written again) and free it */
void catalog_drop(struct catalog *c, struct catalog_entry *entry);

/**
 * catalog_victim() - the next segment to delete so that everything stays below the cap
 * @open_bytes:  what is stored in segments that are being written
 * @total_bytes: the cap
 *
 * Return: the oldest entry, or NULL when the cap is kept or nothing is left to delete.
 */
struct catalog_entry *catalog_victim(const struct catalog *c, uint64_t open_bytes,
				     uint64_t total_bytes);

/** catalog_default_total() - the cap of a file system of @fs_bytes when none was configured */
uint64_t catalog_default_total(uint64_t fs_bytes);
