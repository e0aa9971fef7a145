/* SPDX-License-Identifier: MIT */
#pragma once

#include "supervisor/ring.h"

/*
 * The rings of one service or slice in a file of fixed size, so that history survives us. Places
 * that were never written take no room on the disk.
 */

/**
 * ring_file_write() - put records into their places
 * @path:    made 0600 if it is not there; a file of another layout is begun anew
 * @seconds: those that were never written (at_sec 0) are passed over
 * @minute:  one more for the ring of minutes; NULL: none
 *
 * Not synced: what a power failure takes is a minute of history.
 *
 * Return: 0 or negative errno.
 */
must_check int ring_file_write(const char *path, const struct ring_record *seconds, size_t n,
			       const struct ring_record *minute);

/**
 * ring_file_read() - the records of a ring that still count, oldest first
 * @max:         the newest ones, at most so many
 * @ret_records: heap
 *
 * A file that is not there has none. Return: 0 or negative errno.
 */
must_check int ring_file_read(const char *path, enum ring_step step, uint32_t now_sec, size_t max,
			      struct ring_record **ret_records, size_t *ret_n);

/** ring_file_forget() - remove those files of a folder in which nothing counts any more */
void ring_file_forget(const char *folder, uint32_t now_sec);
