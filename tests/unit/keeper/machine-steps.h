/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Steps of a keeper's machine, for its tests: a usual rule, and a clock that stands still. To be
 * included behind cmocka.h.
 */

#include "supervisor/keeper/machine.h"

#define NOW (1000 * USEC_PER_SEC)
#define MIDDLE 0x80000000u
#define EXITED(code) ((code) << 8)

static const struct machine_rule always = {
	.stop_usec = 10 * USEC_PER_SEC,
	.backoff = {.immediate = 2,
		    .healthy_usec = 10 * USEC_PER_SEC,
		    .delay_usec = 100 * USEC_PER_MSEC,
		    .max_delay_usec = 30 * USEC_PER_SEC},
};

static inline struct machine_event make_event(enum machine_event_kind kind)
{
	return (struct machine_event){.kind = kind, .now_usec = NOW, .random = MIDDLE};
}

static inline unsigned step_with(struct machine *m, const struct machine_rule *rule,
				 struct machine_event e)
{
	unsigned orders = 0;

	assert_int_equal(machine_step(m, rule, &e, &orders), 0);
	return orders;
}

static inline unsigned step(struct machine *m, enum machine_event_kind kind)
{
	return step_with(m, &always, make_event(kind));
}

static inline unsigned gone(struct machine *m, enum keeper_cause cause, int wait_status)
{
	struct machine_event e = make_event(MACHINE_GONE);

	e.cause = cause;
	e.wait_status = wait_status;
	return step_with(m, &always, e);
}
