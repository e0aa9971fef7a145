/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

enum {
	BACKOFF_GIVE_UP = 1,
};

/**
 * struct backoff_rule - how eagerly a service is restarted
 * @immediate:      restarts without a delay
 * @max_restarts:   restarts in a row after which it is given up; 0: never
 * @healthy_usec:   a life this long refills the immediate ones
 * @delay_usec:     first delay after these; doubles
 * @max_delay_usec: longest delay
 */
struct backoff_rule {
	uint32_t immediate;
	uint32_t max_restarts;
	usec_t healthy_usec;
	usec_t delay_usec;
	usec_t max_delay_usec;
};

/** struct backoff_life - what a life that ended says about the next: how long, whether it ran */
struct backoff_life {
	usec_t uptime_usec;
	bool never_ran;
	uint32_t random;
};

/**
 * backoff_next() - decide how long to wait before the next start
 * @n_failures:     failures in a row, updated
 * @life:           the life that has ended
 * @ret_delay_usec: 0 for an immediate restart; set only when 0 is returned
 *
 * A program that could not even be executed gets no immediate restart: nothing can have changed.
 *
 * Context: pure.
 * Return: 0, or BACKOFF_GIVE_UP after max_restarts.
 */
must_check int backoff_next(uint32_t *n_failures, const struct backoff_rule *rule,
			    const struct backoff_life *life, usec_t *ret_delay_usec);
