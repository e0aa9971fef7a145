/* SPDX-License-Identifier: MIT */
#pragma once

#include <string.h>

#include "lib/base.h"

/*
 * The units that systemd has loaded, as it lists them.
 */

/** enum unit_activity - ActiveState in the words that matter here */
enum unit_activity {
	UNIT_INACTIVE, /* inactive or failed, without a job that would change it */
	UNIT_MOVING,
	UNIT_ACTIVE,
};

/** struct unit_found - a unit that is loaded */
struct unit_found {
	const char *unit;
	const char *description;
	enum unit_activity activity;
};

/** unit_found_find() - Return: the one of that name, or NULL */
static inline const struct unit_found *unit_found_find(const struct unit_found *units, size_t n,
						       const char *unit)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(units[i].unit, unit) == 0)
			return &units[i];
	return NULL;
}
