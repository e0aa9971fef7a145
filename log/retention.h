/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct catalog;
struct catalog_entry;
struct rule;
struct share;

/** Default cap on everything that is stored, unless a tenth of the file system is less. */
#define RETENTION_TOTAL_DEFAULT (UINT64_C(2) << 30)
/** The first byte of a segment is older than its last by this part of the largest age, at most. */
#define RETENTION_AGE_PARTS 10

/**
 * retention_default_total() - the cap on everything when none was configured
 * @fs_bytes: size of the file system; 0: it does not know
 */
uint64_t retention_default_total(uint64_t fs_bytes);

/**
 * retention_excess() - the next segment to delete so that the caps are kept
 * @share:       the service that has grown; NULL: any may have
 * @open_bytes:  of all that is being written
 * @total_bytes: cap on everything
 *
 * A service above its own cap loses its oldest segment; then the oldest of all has to go while the
 * total is exceeded.
 *
 * Return: an entry, or NULL when the caps are kept or nothing is left to delete.
 */
struct catalog_entry *retention_excess(const struct catalog *c, const struct share *share,
				       uint64_t open_bytes, uint64_t total_bytes);

/**
 * retention_expired() - the next segment to delete because all of it is too old
 * @now_at_usec: wall clock
 * @ret_due_at_usec: when NULL is returned: when there will be one, or USEC_INFINITY
 */
struct catalog_entry *retention_expired(const struct catalog *c, usec_t now_at_usec,
					usec_t *ret_due_at_usec);

/**
 * retention_limit() - size of a segment of a service
 * @limit_bytes: of all services
 * @n_streams:   of the service
 *
 * A cap is kept by deleting whole sealed segments, so what is being written gets half of it.
 */
uint64_t retention_limit(const struct rule *rule, uint64_t limit_bytes, unsigned n_streams);

/**
 * retention_span() - how far apart the first and the last byte of a segment may have come
 *
 * Return: a duration, or USEC_INFINITY.
 */
usec_t retention_span(const struct rule *rule);
