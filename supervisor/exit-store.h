/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

/** Exit reports kept of one service; the oldest go first. */
#define EXIT_REPORTS_MAX 200

/**
 * exit_store_append() - keep a report in FOLDER/NAME.jsonl, bounded to EXIT_REPORTS_MAX
 * @name:   service
 * @report: type Exit of io.slicekeep.supervisor, borrowed
 *
 * One write(2) of one line, so a crash tears the last line at most; a torn line is never read, and
 * is closed before the next one is written.
 *
 * Return: 0 or negative errno.
 */
must_check int exit_store_append(const char *folder, const char *name, const json_t *report);

/** exit_store_load() - the newest @limit reports, newest first: array, new reference, or NULL */
json_t *exit_store_load(const char *folder, const char *name, size_t limit);

/** exit_store_newest_life() - life of the newest report of a slot, 0 when there is none */
uint64_t exit_store_newest_life(const char *folder, const char *name, unsigned instance);
