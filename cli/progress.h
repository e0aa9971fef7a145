/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "cli/style.h"
#include "lib/base.h"

struct error;
struct supervisor;
struct text;

/**
 * struct progress - an action on some services, as far as it has come
 * @rows:   object: name -> type Progress, in the order in which they were first heard of
 * @style:  of stdout
 * @drawn:  lines of the block on the terminal that the next update writes over
 * @silent: print nothing (--json)
 */
struct progress {
	json_t *rows;
	struct style style;
	unsigned drawn;
	bool silent;
};

/** progress_init() - begin; Return: 0 or -ENOMEM */
must_check int progress_init(struct progress *p, const struct style *style, bool silent);

/** progress_done() - free the rows */
void progress_done(struct progress *p);

/**
 * progress_run() - call a method that answers with Progress, show each step, and go on with what is
 * left when the supervisor dies meanwhile
 * @method: Start, Stop, Restart or Shutdown of io.slicekeep.supervisor, fully qualified
 * @names:  array, borrowed; empty means all; NULL: the method takes none
 *
 * Return: 0 when all came to an end (progress_failures() says which), negative errno with a text.
 */
must_check int progress_run(struct progress *p, struct supervisor *s, const char *method,
			    const json_t *names, struct error *err);

/** progress_print_json() - print the rows as an array; returns an enum cli_exit */
int progress_print_json(const struct progress *p);

/** progress_failures() - how many services did not end well */
size_t progress_failures(const struct progress *p);

/** progress_line() - append "stubborn stopped: 4 processes, 0 left" without a newline */
void progress_line(const json_t *row, const struct style *style, struct text *out);
