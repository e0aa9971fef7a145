/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "cli/style.h"
#include "lib/base.h"

struct text;

/**
 * struct log_print - lines and the events between them, on their way out
 * @style:  of what they go to
 * @json:   one JSON object a line, and no events
 * @whole:  leave out lines that have no end yet: they will come again when they have one
 * @events: array of the type Event, sorted by time, those that are not shown yet; or NULL
 * @next:   index of the first of them
 * @from_usec: events before this point in time are not shown; USEC_INFINITY: before the first line
 * @n_lines: lines shown so far
 */
struct log_print {
	struct style style;
	bool json;
	bool whole;
	json_t *events;
	size_t next;
	usec_t from_usec;
	uint64_t n_lines;
};

/** log_print_lines() - append a batch of lines, and the events that came before each of them */
void log_print_lines(struct log_print *p, const json_t *lines, struct text *out);

/** log_print_events() - append the events that are left, up to a point in time */
void log_print_events(struct log_print *p, usec_t until_usec, struct text *out);

/** log_print_add_events() - events that came later; Return: 0 or -ENOMEM */
must_check int log_print_add_events(struct log_print *p, const json_t *events);

/** log_print_done() - drop the events */
void log_print_done(struct log_print *p);
