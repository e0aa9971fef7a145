/* SPDX-License-Identifier: MIT */
#pragma once

#include "supervisor/numbers.h"

/*
 * History in rings: a place for each second of an hour, a place for each minute of a day. This is
 * also the layout of the file (ring-file.h).
 */

#define RING_SECONDS 3600
#define RING_MINUTES 1440
#define RING_VALUES 15

/** enum ring_step - how far records are apart */
enum ring_step {
	RING_STEP_SECOND,
	RING_STEP_MINUTE,
	RING_STEP_COUNT,
};

/**
 * struct ring_record - what was used in the second, or on average in the minute, that ended then
 * @at_sec: wall clock, seconds since the epoch; 0: never written
 * @value:  by enum number: counters as what they grew by in a second, bytes in KiB, amounts of a
 *          minute the highest; UINT32_MAX is unknown
 */
struct ring_record {
	uint32_t at_sec;
	uint32_t value[RING_VALUES];
};

static_assert(sizeof(struct ring_record) == 64, "part of a file, and none lies across two pages");
static_assert(NUMBER_KEPT <= RING_VALUES, "room for all that is kept");

/** ring_record_of() - from the numbers of a second */
void ring_record_of(const struct numbers *per_second, uint32_t at_sec, struct ring_record *ret);

/** ring_numbers_of() - back again, as near as a record can tell; ret->at_usec is 0 */
void ring_numbers_of(const struct ring_record *record, struct numbers *ret);

/**
 * ring_minute_of() - one record for several
 * @records: those that are older than a minute before @at_sec, or newer than it, do not count
 *
 * Return: whether any counted.
 */
bool ring_minute_of(const struct ring_record *records, size_t n, uint32_t at_sec,
		    struct ring_record *ret);

/** ring_place() - which place of its ring a record of that time has */
size_t ring_place(enum ring_step step, uint32_t at_sec);

/** ring_places() - how many places a ring has */
size_t ring_places(enum ring_step step);

/** ring_holds() - whether a record found in a ring is of its present round; otherwise it is stale
 */
bool ring_holds(enum ring_step step, const struct ring_record *record, uint32_t now_sec);
