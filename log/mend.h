/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct error;
struct examined;
struct fault;
struct index_header;
struct store;

/**
 * struct mender - the right to change what nobody else is changing
 * @lock_fd:  the housekeeper's lock: nothing is packed meanwhile
 */
struct mender {
	const struct store *store;
	int lock_fd;
};

/** mender_begin() - take the lock; waits for a housekeeper that is at work; Return: 0 or -errno */
must_check int mender_begin(struct mender *m, const struct store *store, struct error *err);

/** mender_done() - give it back */
void mender_done(struct mender *m);

/**
 * mend_index() - make the index of a segment anew, from what can be believed of the old one
 * @header: what it is to begin with
 *
 * Return: 0, -EBUSY when it may be written, negative errno; then nothing has changed.
 */
must_check int mend_index(const struct mender *m, const struct examined *e,
			  const struct index_header *header);

/**
 * mend_table() - write the seek table of a packed file anew, and the numbers of lines before it
 *
 * Its frames stay as they are.
 *
 * Return: 0, -EBADMSG when something else than a table would be lost, negative errno.
 */
must_check int mend_table(const struct mender *m, const struct examined *e,
			  const struct fault *fault);

/** mend_remove() - delete an index without a segment, or a scratch file; Return: 0 or -errno */
must_check int mend_remove(const struct mender *m, const struct fault *fault);
