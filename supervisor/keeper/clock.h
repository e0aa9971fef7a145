/* SPDX-License-Identifier: MIT */
#pragma once

#include <time.h>

#include "lib/base.h"

/** clock_usec() - now, on CLOCK_MONOTONIC (deadlines) or CLOCK_REALTIME (lives, reports) */
static inline usec_t clock_usec(clockid_t id)
{
	struct timespec now;

	if (clock_gettime(id, &now) < 0)
		return 0;
	return (usec_t)now.tv_sec * USEC_PER_SEC + (usec_t)now.tv_nsec / 1000;
}
