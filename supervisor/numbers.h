/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/**
 * enum number - what is known of how much a service or a slice uses
 *
 * Counters come first; then amounts, which are what they are at the moment. Those before
 * NUMBER_KEPT are kept as history: the order is that of the records in a file (ring.h).
 */
enum number {
	NUMBER_CPU_USEC,
	NUMBER_THROTTLED_USEC,
	NUMBER_IO_READ_BYTES,
	NUMBER_IO_WRITE_BYTES,
	NUMBER_CPU_SOME_USEC,
	NUMBER_CPU_FULL_USEC,
	NUMBER_MEMORY_SOME_USEC,
	NUMBER_MEMORY_FULL_USEC,
	NUMBER_IO_SOME_USEC,
	NUMBER_IO_FULL_USEC,
	NUMBER_COUNTERS,
	NUMBER_MEMORY_BYTES = NUMBER_COUNTERS,
	NUMBER_SWAP_BYTES,
	NUMBER_TASKS,
	NUMBER_KEPT,
	NUMBER_MEMORY_PEAK_BYTES = NUMBER_KEPT,
	NUMBER_MEMORY_HIGH_BYTES,
	NUMBER_MEMORY_MAX_BYTES,
	NUMBER_COUNT,
};

/** NUMBER_UNKNOWN - nobody can tell, or, for a limit, there is none */
#define NUMBER_UNKNOWN UINT64_MAX

/**
 * struct numbers - what was read at one moment
 * @at_usec: monotonic
 */
struct numbers {
	usec_t at_usec;
	uint64_t value[NUMBER_COUNT];
};

/** numbers_clear() - nothing is known */
void numbers_clear(struct numbers *n);

/** numbers_begin() - where it all began: counters are 0 at @at_usec, amounts unknown */
void numbers_begin(struct numbers *n, usec_t at_usec);

/**
 * numbers_per_second() - what counters grew by in a second, beside the newer amounts
 * @before: NULL: no counter is known
 *
 * A counter that went back is another one that began since, and not known either.
 */
void numbers_per_second(const struct numbers *before, const struct numbers *now,
			struct numbers *ret);

/** number_key() - the name it has in answers: "memory_bytes" */
const char *number_key(enum number number);
