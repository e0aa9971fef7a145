/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

#define LOG_KEEPING_NOTE_MAX 160

struct collector_link;
struct config;
struct events;
struct log_keeping;

/**
 * log_keeping_new() - tell the collector what is to be kept of whose output, and hear what cannot
 * be
 * @link:   outlives it
 * @events: where troubles and their ends are added, borrowed
 *
 * Return: 0 or -ENOMEM.
 */
must_check int log_keeping_new(struct collector_link *link, struct events *events,
			       struct log_keeping **ret_keeping);

/** log_keeping_free() - say nothing more; NULL is allowed */
void log_keeping_free(struct log_keeping *k);

/** log_keeping_change() - tell the rules of another config from now on; it is kept */
void log_keeping_change(struct log_keeping *k, struct config *config);

/** log_keeping_note() - why a service's output is not stored, in words; returns @buf, or NULL */
const char *log_keeping_note(const struct log_keeping *k, const char *service,
			     char buf[static LOG_KEEPING_NOTE_MAX]);
