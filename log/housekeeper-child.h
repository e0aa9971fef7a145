/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

#include "log/stream-id.h"

struct housekeeper_child;
struct loop;
struct writer;

/** How long the disk may be behind, unless another interval is given. */
#define HOUSEKEEPER_SYNC_DEFAULT_USEC (10 * USEC_PER_SEC)

/** Descriptor of the housekeeper process: SEQPACKET to the writer. */
#define HOUSEKEEPER_FD_WRITER 3

/**
 * struct housekeeper_note - housekeeper -> writer: the packed files of a segment are complete, and
 * their names come next
 * @bytes: of both
 */
struct housekeeper_note {
	struct stream_id id;
	uint64_t seq;
	uint64_t bytes;
};

/**
 * housekeeper_child_new() - have a pass made whenever there is something to do
 * @log_dir:   passed on; outlives it
 * @sync_usec: how long after a byte was stored the disk has to have it; 0: the kernel decides
 *
 * Return: 0 or negative errno.
 */
must_check int housekeeper_child_new(struct loop *l, struct writer *w, const char *log_dir,
				     usec_t sync_usec, bool debug,
				     struct housekeeper_child **ret_child);

/** housekeeper_child_free() - a pass that is going on ends with us. NULL is allowed */
void housekeeper_child_free(struct housekeeper_child *c);
