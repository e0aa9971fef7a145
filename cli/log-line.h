/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "cli/style.h"
#include "lib/base.h"

struct text;

/**
 * log_line_add() - append one stored line as it is shown, with its newline
 * @line:  type Line of io.slicekeep.log
 * @style: of what it goes to: a terminal gets local time, colours, and JSON lines taken apart;
 *         anything else UTC and the text as it is, control characters escaped
 */
void log_line_add(struct text *out, const json_t *line, const struct style *style);

/**
 * log_event_add() - append one event as log_line_add() shows those between the lines
 * @event: type Event of io.slicekeep.supervisor
 */
void log_event_add(struct text *out, const json_t *event, const struct style *style);

/** log_text_add() - append the text of a line alone, escaped; @keep_ansi as text_add_escaped() */
void log_text_add(struct text *out, const json_t *line, bool keep_ansi);
