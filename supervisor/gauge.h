/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "lib/list.h"
#include "supervisor/meter.h"
#include "supervisor/numbers.h"
#include "supervisor/ring.h"

#define GAUGE_PORTS_MAX 16
/** Seconds that are held in memory. */
#define GAUGE_RECORDS 60

/**
 * struct gauge - what one service or slice uses
 * @link:      in a list of its owner's
 * @name:      of the service or slice
 * @path:      file of its history
 * @meter:     open while it has a cgroup
 * @life:      the one that is looked at
 * @now:       what was read last; at_usec 0: nothing yet
 * @per_second: what that means
 * @records:   the last minute, by second; NULL before the first
 * @recorded_sec: the newest of them; 0: all are written
 * @phase:     second of the minute after which they are written
 * @members:   of a slice: how many of them are measured
 * @processes: 0: not counted
 * @ports:     on which it was seen to listen, at @ports_usec
 */
struct gauge {
	struct list link;
	char *name;
	char *path;
	struct meter meter;
	uint64_t life;
	struct numbers now;
	struct numbers per_second;
	struct ring_record *records;
	uint32_t recorded_sec;
	uint32_t phase;
	size_t members;
	size_t processes;
	usec_t ports_usec;
	uint16_t ports[GAUGE_PORTS_MAX];
	size_t n_ports;
};

/** gauge_new() - @folder: where its history lies; Return: NULL when out of memory */
struct gauge *gauge_new(const char *folder, const char *name);

/** gauge_free() - write its last minute, and forget it; NULL is allowed */
void gauge_free(struct gauge *g);

/**
 * gauge_begin() - it begins anew: what was read before is of no meaning any more
 * @begun_usec: monotonic; all counters were 0 then; 0: nobody knows
 */
void gauge_begin(struct gauge *g, usec_t begun_usec);

/** gauge_take() - this is what was read now; soon after the last time only amounts count */
void gauge_take(struct gauge *g, const struct numbers *now);

/**
 * gauge_read() - read the cgroup
 * @rare: also what hardly ever changes
 *
 * Return: 0, -ENODEV when it is gone; then gauge_close() was done.
 */
must_check int gauge_read(struct gauge *g, usec_t now_usec, bool rare);

/**
 * gauge_record() - keep what was read as that of this second; once a minute write it to the disk
 * @at_sec: wall clock
 *
 * Return: 0 or negative errno.
 */
must_check int gauge_record(struct gauge *g, uint32_t at_sec);

/** gauge_close() - its cgroup is gone: write the last minute */
void gauge_close(struct gauge *g);

/**
 * gauge_history() - what was kept, oldest first
 * @max:         the newest ones, at most so many
 * @ret_records: heap
 *
 * Return: 0 or negative errno.
 */
must_check int gauge_history(const struct gauge *g, enum ring_step step, uint32_t now_sec,
			     size_t max, struct ring_record **ret_records, size_t *ret_n);
