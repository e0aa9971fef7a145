/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

struct cli;
struct error;

/**
 * struct follow - what is followed for as long as it lasts
 * @filter: lines: type Filter of io.slicekeep.log, moved on behind each batch of lines; NULL:
 *          events instead
 * @names:  of events: services, array, borrowed; empty means all
 * @since:  number of the last event that was shown
 * @missed: of lines: called with each answer, for what it says that was missed; returns the same
 * @take:   called with each batch of them; returns 0, or a negative errno that ends the following
 */
struct follow {
	const struct cli *cli;
	json_t *filter;
	json_t *names;
	uint64_t since;
	int (*missed)(const json_t *reply, void *userdata);
	int (*take)(const json_t *items, void *userdata);
	void *userdata;
};

/**
 * follow_run() - hand over what comes, until nobody reads our stdout any more or the platform is
 * gone; a daemon of ours that dies is waited for, and nothing is missed or repeated
 *
 * Return: 0 when the reader of stdout went away, what @take or @missed returned, or negative errno
 * with a text.
 */
must_check int follow_run(struct follow *f, struct error *err);
