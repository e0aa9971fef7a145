/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"
#include "supervisor/keeper/exit-frame.h"

/** exit_cause_name() - "exit", "signal", "oom", … of enum keeper_cause */
const char *exit_cause_name(enum keeper_cause cause);

/**
 * exit_report_summary() - the exit as a sentence
 * @e: as it came from the keeper
 *
 * "exit 1 after 2s", "killed by SIGSEGV (core dumped) after 3h1m", "could not start: no such file
 * or directory: "/srv/x"", "stopped by cli root after 3h1m", …
 *
 * Return: heap, or NULL when out of memory.
 */
char *exit_report_summary(const struct keeper_exit *e);

/**
 * exit_report_ended() - the type Ended of io.slicekeep.supervisor, as text
 *
 * Return: heap; NULL when it ended on request, or when out of memory.
 */
char *exit_report_ended(const struct keeper_exit *e);

/** exit_report_ended_as() - exit_report_ended() of a report that was kept, @exit; NULL: of none */
char *exit_report_ended_as(const json_t *exit);

#define EXIT_PRESSURE_UNKNOWN UINT32_MAX

/**
 * struct exit_surroundings - what the keeper cannot know of an exit
 * @victim: whom the kernel killed when memory was full, or NULL
 * @cpu_percent @memory_percent @io_percent: of the last minute, how long some of the service's
 *          processes waited for it; EXIT_PRESSURE_UNKNOWN
 */
struct exit_surroundings {
	const char *victim;
	uint32_t cpu_percent;
	uint32_t memory_percent;
	uint32_t io_percent;
};

/**
 * exit_report_json() - the type Exit of io.slicekeep.supervisor, as text
 * @service: whose
 * @around:  NULL: nothing is known
 * @summary: the sentence
 *
 * next_start_usec is the time from the exit to the restart that follows.
 *
 * Return: heap, or NULL when out of memory.
 */
char *exit_report_json(const char *service, unsigned instance, const struct keeper_exit *e,
		       const struct exit_surroundings *around, const char *summary);
