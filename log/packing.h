/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct store;
struct store_entry;

#define PACKING_BUSY 1

/**
 * packing_fn() - both packed files of a segment are complete, and get their names next
 * @bytes: of both
 */
typedef void (*packing_fn)(const struct store_entry *entry, uint64_t bytes, void *userdata);

/**
 * packing_pack() - replace a plain segment by a packed one
 * @dir_fd: its service's folder
 * @entry:  not the newest of its stream
 *
 * Return: 0, also when it was deleted meanwhile; PACKING_BUSY when it is being written; -ENOSPC
 * when there is no room for it now; negative errno. What is there afterwards is complete in any
 * case.
 */
must_check int packing_pack(const struct store *store, int dir_fd, const struct store_entry *entry,
			    packing_fn complete, void *userdata);

/** packing_finish() - a kill may have left the plain index of a packed segment; Return: 0 or -errno
 */
must_check int packing_finish(int dir_fd, const struct store_entry *entry);

/** packing_clean() - remove what a pass that was killed has left in a service's folder */
void packing_clean(int dir_fd);
