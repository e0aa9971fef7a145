/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "supervisor/keeper/machine.h"

/** enum revival_plan - how a keeper begins that is started in the place of a killed one */
enum revival_plan {
	REVIVAL_BEGIN, /* as if there had been none */
	REVIVAL_WATCH, /* the program runs: it is ours from now on */
	REVIVAL_MOURN, /* the program has ended meanwhile, nobody knows how */
	REVIVAL_SWEEP, /* go on killing what is left */
	REVIVAL_DRAIN, /* go on waiting for the collector, then leave */
	REVIVAL_REST,  /* nothing runs; a deadline may be due */
};

/**
 * revival_plan() - what to do first
 * @state: of the killed keeper
 * @lives: its main process is there
 *
 * Context: pure.
 */
enum revival_plan revival_plan(enum machine_state state, bool lives);

/**
 * revival_is_same() - whether a process is the one that was born
 * @start:      in ticks, as in /proc/PID/stat
 * @from_usec:  CLOCK_BOOTTIME before it was made
 * @until_usec: and when it had begun to run
 *
 * Pids do not come round within such a time.
 *
 * Context: pure.
 */
bool revival_is_same(uint64_t start, usec_t from_usec, usec_t until_usec);

/** revival_window() - times for which revival_is_same() is true of a process that is known */
void revival_window(uint64_t start, usec_t *ret_from_usec, usec_t *ret_until_usec);

/**
 * revival_follows() - whether the service manager starts another keeper after the one that ended
 * @result:    SERVICE_RESULT
 * @status:    EXIT_STATUS
 * @is_marked: a stop was asked for
 *
 * Context: pure. What is not known (NULL) means no.
 */
bool revival_follows(const char *result, const char *status, bool is_marked);
