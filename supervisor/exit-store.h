/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

/** Exit reports kept of one service; the oldest go first. */
#define EXIT_REPORTS_MAX 200

/**
 * exit_store_begin() - what earlier supervisors have kept, before the first append
 * @instance:   whose newest life is asked for
 * @ret_report: the newest report, a new reference, or NULL
 * @ret_life:   life of the newest report of @instance, 0 when there is none
 *
 * A line that a crash tore is closed: it is never read, and swallows no other.
 *
 * Return: 0 or negative errno.
 */
must_check int exit_store_begin(const char *folder, const char *name, unsigned instance,
				json_t **ret_report, uint64_t *ret_life);

/**
 * exit_store_append() - keep a report in FOLDER/NAME.jsonl, bounded to EXIT_REPORTS_MAX
 * @fd:     -1 at first; stays open for the next report, and is the caller's to close
 * @name:   service
 * @report: JSON of type Exit of io.slicekeep.supervisor
 *
 * One write(2) of one line, so a crash tears the last line at most.
 *
 * Return: 0 or negative errno.
 */
must_check int exit_store_append(int *fd, const char *folder, const char *name, const char *report);

/** exit_store_load() - the newest @limit reports, newest first: array, new reference, or NULL */
json_t *exit_store_load(const char *folder, const char *name, size_t limit);
