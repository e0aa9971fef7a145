/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"
#include "supervisor/keeper/control-frame.h"

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

/**
 * exit_report_json() - the type Exit of io.slicekeep.supervisor, as text
 * @service: whose
 * @summary: the sentence
 *
 * next_start_usec is the time from the exit to the restart that follows.
 *
 * Return: heap, or NULL when out of memory.
 */
char *exit_report_json(const char *service, unsigned instance, const struct keeper_exit *e,
		       const char *summary);
