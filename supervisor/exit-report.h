/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"
#include "supervisor/keeper/control-frame.h"

struct error;

/** Exit reports kept of one service; the oldest go first. */
#define EXIT_REPORTS_MAX 200

/** exit_cause_name() - "exit", "signal", "oom", … of enum keeper_cause */
const char *exit_cause_name(enum keeper_cause cause);

/**
 * exit_report_json() - the type Exit of io.slicekeep.supervisor
 * @service: whose
 * @summary is made here: "exit 1 after 2.1s", "killed by SIGSEGV (core dumped) after 3h",
 *          "could not start: /srv/x: no such file or directory", "stopped by cli root", …
 *
 * Return: a new reference, or NULL when out of memory.
 */
json_t *exit_report_json(const char *service, unsigned instance, const struct keeper_exit *e);

/** exit_report_short() - for a column: "exit 1", "SIGSEGV", "oom", "not-ready"; returns @buf */
const char *exit_report_short(const struct keeper_exit *e, char buf[static 32]);

/**
 * exit_store_append() - keep a report in FOLDER/NAME.jsonl, bounded to EXIT_REPORTS_MAX
 *
 * One write(2) of one line, so a crash leaves whole lines. Return: 0 or negative errno.
 */
must_check int exit_store_append(const char *folder, const char *name, const json_t *report);

/** exit_store_load() - the newest @limit reports, newest first: array, new reference, or NULL */
json_t *exit_store_load(const char *folder, const char *name, size_t limit);

/** exit_store_newest_life() - life of the newest report of a slot, 0 when there is none */
uint64_t exit_store_newest_life(const char *folder, const char *name, unsigned instance);
