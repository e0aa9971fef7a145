/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

#include "log/index.h"

struct blob;

/**
 * struct index_scan - what all records of an index say
 * @n_right:   records that fit to what was before them and to the segment
 * @n_wrong:   records that do not: they go back, or are of no kind
 * @n_beyond:  records that point behind the segment's end
 * @damaged_bytes: of the index that cannot be read
 * @last:      right record; zeroed when there is none
 * @life:      of the last record that knows one; 0: none
 */
struct index_scan {
	uint64_t n_right;
	uint64_t n_wrong;
	uint64_t n_beyond;
	uint64_t damaged_bytes;
	struct index_record last;
	uint64_t life;
};

/** index_scan_fn() - takes each right record; Return: 0, or negative errno to end the scan */
typedef int (*index_scan_fn)(const struct index_record *record, void *userdata);

/**
 * index_scan() - read all records of an index, past what is damaged
 * @log_bytes: of the segment
 * @fn:        or NULL
 *
 * Return: 0, what @fn returned, or negative errno.
 */
must_check int index_scan(const struct blob *index, uint64_t log_bytes, index_scan_fn fn,
			  void *userdata, struct index_scan *ret_scan);
