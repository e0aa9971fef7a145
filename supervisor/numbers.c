/* SPDX-License-Identifier: MIT */
#include "supervisor/numbers.h"

/*
 * Numbers are an array and not a struct, so that whatever is done to all of them (rates, history,
 * answers) is a loop, and another number is another line here and in the file that it is read from.
 */

static const char *const keys[] = {
	[NUMBER_CPU_USEC] = "cpu_usec",
	[NUMBER_THROTTLED_USEC] = "throttled_usec",
	[NUMBER_IO_READ_BYTES] = "io_read_bytes",
	[NUMBER_IO_WRITE_BYTES] = "io_write_bytes",
	[NUMBER_CPU_SOME_USEC] = "cpu_some_usec",
	[NUMBER_CPU_FULL_USEC] = "cpu_full_usec",
	[NUMBER_MEMORY_SOME_USEC] = "memory_some_usec",
	[NUMBER_MEMORY_FULL_USEC] = "memory_full_usec",
	[NUMBER_IO_SOME_USEC] = "io_some_usec",
	[NUMBER_IO_FULL_USEC] = "io_full_usec",
	[NUMBER_MEMORY_BYTES] = "memory_bytes",
	[NUMBER_SWAP_BYTES] = "swap_bytes",
	[NUMBER_TASKS] = "tasks",
	[NUMBER_MEMORY_PEAK_BYTES] = "memory_peak_bytes",
	[NUMBER_MEMORY_HIGH_BYTES] = "memory_high_bytes",
	[NUMBER_MEMORY_MAX_BYTES] = "memory_max_bytes",
};

static_assert(ARRAY_LEN(keys) == NUMBER_COUNT, "a name for each number");

const char *number_key(enum number number)
{
	return keys[number];
}

void numbers_clear(struct numbers *n)
{
	n->at_usec = 0;
	for (size_t i = 0; i < NUMBER_COUNT; i++)
		n->value[i] = NUMBER_UNKNOWN;
}

void numbers_begin(struct numbers *n, usec_t at_usec)
{
	numbers_clear(n);
	n->at_usec = at_usec;
	for (size_t i = 0; i < NUMBER_COUNTERS; i++)
		n->value[i] = 0;
}

static uint64_t grown(uint64_t before, uint64_t now, usec_t elapsed_usec)
{
	if (before == NUMBER_UNKNOWN || now == NUMBER_UNKNOWN || now < before || elapsed_usec == 0)
		return NUMBER_UNKNOWN;
	/* The product of a day's bytes and a million does not fit into 64 bits. */
	return (uint64_t)((double)(now - before) * (double)USEC_PER_SEC / (double)elapsed_usec);
}

void numbers_per_second(const struct numbers *before, const struct numbers *now,
			struct numbers *ret)
{
	usec_t elapsed_usec = before ? usec_sub(now->at_usec, before->at_usec) : 0;

	*ret = *now;
	for (size_t i = 0; i < NUMBER_COUNTERS; i++)
		ret->value[i] = before ? grown(before->value[i], now->value[i], elapsed_usec)
				       : NUMBER_UNKNOWN;
}
