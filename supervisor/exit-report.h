/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"
#include "supervisor/keeper/control-frame.h"

/** exit_cause_name() - "exit", "signal", "oom", … of enum keeper_cause */
const char *exit_cause_name(enum keeper_cause cause);

/**
 * exit_report_json() - the type Exit of io.slicekeep.supervisor
 * @service: whose
 * @e:       as it came from the keeper
 *
 * The summary is made here: "exit 1 after 2s", "killed by SIGSEGV (core dumped) after 3h1m",
 * "could not start: no such file or directory: "/srv/x"", "stopped by cli root after 3h1m", …
 * next_start_usec is the time from the exit to the restart that follows.
 *
 * Return: a new reference, or NULL when out of memory.
 */
json_t *exit_report_json(const char *service, unsigned instance, const struct keeper_exit *e);

/** exit_report_short() - for a column: "exit 1", "SIGSEGV", "oom", "not-ready"; returns @buf */
const char *exit_report_short(const struct keeper_exit *e, char buf[static 32]);
