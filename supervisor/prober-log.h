/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct loop;
struct probe_subject;
struct prober_log;

/**
 * prober_log_fn() - the search has ended; the owner frees it, inside the call if he likes
 * @ok:   a line matched
 * @text: why not; printable only as far as the collector is
 */
typedef void (*prober_log_fn)(bool ok, const char *text, void *userdata);

/**
 * struct prober_log_what - which line is waited for
 * @socket:  the collector's; it need not be there yet, and may go away and come back
 * @pattern: POSIX extended regular expression
 * @subject: name, instance and life
 */
struct prober_log_what {
	const char *socket;
	const char *pattern;
	const struct probe_subject *subject;
};

/**
 * prober_log_start() - wait for a line that matches
 * @what: copied
 * @fn:   called by the loop, once
 *
 * There is no time limit: whoever has waited enough calls prober_log_free().
 * Return: 0 or negative errno.
 */
must_check int prober_log_start(struct loop *loop, const struct prober_log_what *what,
				prober_log_fn fn, void *userdata, struct prober_log **ret_log);

/** prober_log_free() - stop waiting; NULL is allowed */
void prober_log_free(struct prober_log *g);
