/* SPDX-License-Identifier: MIT */
#include "supervisor/ring.h"

#include <string.h>

/*
 * A record's place follows from its time alone, and whether it still counts from the time that is
 * in it. So a ring has no head and no count that could be wrong after a crash, a gap costs nothing,
 * and writing the same second twice, or going on after a restart, needs no thought. A clock that
 * was set back leaves records of a future, which do not count until it has come.
 */

#define VALUE_UNKNOWN UINT32_MAX
#define SECONDS_PER_MINUTE 60
#define KIB 1024

static bool is_bytes(enum number number)
{
	return number == NUMBER_MEMORY_BYTES || number == NUMBER_SWAP_BYTES ||
	       number == NUMBER_IO_READ_BYTES || number == NUMBER_IO_WRITE_BYTES;
}

/* Rounded up: what is not nothing stays so. */
static uint32_t stored(enum number number, uint64_t value)
{
	if (value == NUMBER_UNKNOWN)
		return VALUE_UNKNOWN;
	if (is_bytes(number))
		value = value / KIB + (value % KIB != 0);
	return (uint32_t)MIN_OF(value, (uint64_t)VALUE_UNKNOWN - 1);
}

void ring_record_of(const struct numbers *per_second, uint32_t at_sec, struct ring_record *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->at_sec = at_sec;
	for (enum number i = 0; i < NUMBER_KEPT; i++)
		ret->value[i] = stored(i, per_second->value[i]);
}

void ring_numbers_of(const struct ring_record *record, struct numbers *ret)
{
	numbers_clear(ret);
	for (enum number i = 0; i < NUMBER_KEPT; i++) {
		if (record->value[i] != VALUE_UNKNOWN)
			ret->value[i] = (uint64_t)record->value[i] * (is_bytes(i) ? KIB : 1);
	}
}

/** struct sum - of one number in several records */
struct sum {
	uint64_t all;
	uint64_t n;
	uint32_t most;
};

static uint32_t summed(const struct sum *s, enum number number)
{
	if (s->n == 0)
		return VALUE_UNKNOWN;
	return number < NUMBER_COUNTERS ? (uint32_t)((s->all + s->n / 2) / s->n) : s->most;
}

static void add(struct sum *s, uint32_t value)
{
	if (value == VALUE_UNKNOWN)
		return;
	s->all += value;
	s->n++;
	s->most = MAX_OF(s->most, value);
}

bool ring_minute_of(const struct ring_record *records, size_t n, uint32_t at_sec,
		    struct ring_record *ret)
{
	struct sum sums[NUMBER_KEPT] = {0};
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		const struct ring_record *r = &records[i];

		if (r->at_sec > at_sec || r->at_sec + SECONDS_PER_MINUTE <= at_sec)
			continue;
		any = true;
		for (size_t k = 0; k < NUMBER_KEPT; k++)
			add(&sums[k], r->value[k]);
	}
	memset(ret, 0, sizeof(*ret));
	ret->at_sec = at_sec;
	for (enum number k = 0; k < NUMBER_KEPT; k++)
		ret->value[k] = summed(&sums[k], k);
	return any;
}

size_t ring_places(enum ring_step step)
{
	return step == RING_STEP_SECOND ? RING_SECONDS : RING_MINUTES;
}

static uint32_t step_sec(enum ring_step step)
{
	return step == RING_STEP_SECOND ? 1 : SECONDS_PER_MINUTE;
}

size_t ring_place(enum ring_step step, uint32_t at_sec)
{
	return at_sec / step_sec(step) % ring_places(step);
}

bool ring_holds(enum ring_step step, const struct ring_record *record, uint32_t now_sec)
{
	uint32_t round_sec = (uint32_t)ring_places(step) * step_sec(step);

	return record->at_sec > 0 && record->at_sec <= now_sec &&
	       now_sec - record->at_sec < round_sec;
}
