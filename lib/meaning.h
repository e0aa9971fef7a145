/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

/**
 * enum severity - how bad it is, the worst first (RFC 5424, section 6.2.1)
 */
enum severity {
	SEVERITY_EMERGENCY,
	SEVERITY_ALERT,
	SEVERITY_CRITICAL,
	SEVERITY_ERROR,
	SEVERITY_WARNING,
	SEVERITY_NOTICE,
	SEVERITY_INFO,
	SEVERITY_DEBUG,
	SEVERITY_UNKNOWN, /* the line does not say */
};

/**
 * severity_parse() - a level as loggers write it: "warn", "WARNING", "err", "fatal", "trace" …
 *
 * Return: SEVERITY_UNKNOWN when it is none.
 */
enum severity severity_parse(const char *s, size_t n_bytes);

/** severity_name() - "warning"; NULL for SEVERITY_UNKNOWN */
const char *severity_name(enum severity severity);

/**
 * struct meaning - what a line says of itself
 * @severity: of a JSON object's level, of logfmt's, or of a mark <N> as in sd-daemon(3)
 * @message:  what is left for a person, @n_message bytes; borrowed from the line or from @object;
 *            NULL when it is the whole line
 * @object:   of a line that is a JSON object with a level or a message, else NULL
 * @level_key @message_key: the members that these were taken from, or NULL
 * @time_key: the member that is its time, a text or a number, or NULL
 */
struct meaning {
	enum severity severity;
	const char *message;
	size_t n_message;
	json_t *object;
	const char *level_key;
	const char *message_key;
	const char *time_key;
};

/**
 * meaning_of() - understand a line
 * @line: @n_bytes without the newline; outlives the meaning; may hold anything
 * @ret_meaning: ended by meaning_done(). What is not understood, or finds no memory, says nothing.
 */
void meaning_of(const char *line, size_t n_bytes, struct meaning *ret_meaning);

/** meaning_done() - free it */
void meaning_done(struct meaning *m);

/**
 * meaning_severity() - meaning_of() for who wants that only
 *
 * Context: what does not look like a line with a level costs no memory and no parsing.
 */
enum severity meaning_severity(const char *line, size_t n_bytes);
