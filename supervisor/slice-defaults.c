/* SPDX-License-Identifier: MIT */

/*
 * What slices get without being asked for. All groups together are capped below the machine's
 * memory: what is left over is for the system, and for the ssh session in which somebody finds out
 * what went wrong. Our own daemons keep what they need, and since a promise counts only as far as
 * everybody above has made it too, so does the slice of all groups.
 */

#include "supervisor/slice-defaults.h"

#include "lib/text.h"
#include "lib/units.h"
#include "config/limits.h"

#define MEBIBYTE ((uint64_t)1024 * 1024)

/** For the system: a tenth, and no less than this. */
#define RESERVED_BYTES (256 * MEBIBYTE)

/** What our own daemons never lose; they need less. */
#define OWN_BYTES (32 * MEBIBYTE)

static uint64_t cap_below(uint64_t ram_bytes)
{
	uint64_t reserved = MAX_OF(ram_bytes / 10, RESERVED_BYTES);

	/* A machine that small is shared by halves. */
	return ram_bytes > 2 * reserved ? ram_bytes - reserved : ram_bytes / 2;
}

static uint64_t with_ours(uint64_t promised)
{
	if (promised == LIMIT_UNSET)
		return OWN_BYTES;
	return promised > SIZE_INFINITY - OWN_BYTES ? SIZE_INFINITY : promised + OWN_BYTES;
}

void slice_defaults_add(const char *group, uint64_t ram_bytes, struct config_limits *limits)
{
	if (!group && limits->memory_max == LIMIT_UNSET)
		limits->memory_max = cap_below(ram_bytes);
	if (!group || text_equal(group, SLICE_SYSTEM))
		limits->memory_min = with_ours(limits->memory_min);
}
