/* SPDX-License-Identifier: MIT */

/*
 * The table of restarts: a few at once, because most crashes are singular and each millisecond of
 * absence is a failed request; then delays that double, because a service that fails for lack of
 * its database must not burn the host. A quarter of each delay is chance, so that fifty services
 * that died together do not come back together. Long enough a life, and all is forgiven.
 */

#include "supervisor/keeper/backoff.h"

/* @delay give or take a quarter; @random is spread over all of 32 bits. */
static usec_t jitter(usec_t delay, uint32_t random)
{
	usec_t quarter = delay / 4;

	/* Delays are bounded to days (spec), so that the product stays within 64 bits. */
	return delay - quarter + ((quarter * 2 * (uint64_t)(random >> 16)) >> 16);
}

int backoff_next(uint32_t *n_failures, const struct backoff_rule *rule,
		 const struct backoff_life *life, usec_t *ret_delay_usec)
{
	usec_t delay = rule->delay_usec;

	if (life->uptime_usec >= rule->healthy_usec)
		*n_failures = 0;
	if (*n_failures < UINT32_MAX)
		(*n_failures)++;
	if (rule->max_restarts > 0 && *n_failures > rule->max_restarts)
		return BACKOFF_GIVE_UP;
	if (*n_failures <= rule->immediate && !life->never_ran) {
		*ret_delay_usec = 0;
		return 0;
	}
	for (uint32_t n = rule->immediate + 1; n < *n_failures; n++) {
		if (delay == 0 || delay >= rule->max_delay_usec)
			break;
		delay *= 2;
	}
	delay = jitter(MIN_OF(delay, rule->max_delay_usec), life->random);
	*ret_delay_usec = MIN_OF(delay, rule->max_delay_usec);
	return 0;
}
