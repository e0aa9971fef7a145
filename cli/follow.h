/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

struct cli;
struct error;

/**
 * struct follow - two streams that are followed at once, each for as long as it lasts
 * @names:  services, array, borrowed; empty means all
 * @filter: type Filter of io.slicekeep.log, moved on behind each batch of lines; NULL: no lines
 * @since:  number of the last event that was shown
 * @events: whether events are followed
 * @lines:  called with each batch of lines; @happened: with each batch of events.
 *          Both return 0, or a negative errno that ends the following.
 */
struct follow {
	const struct cli *cli;
	json_t *names;
	json_t *filter;
	uint64_t since;
	bool events;
	int (*lines)(const json_t *lines, void *userdata);
	int (*happened)(const json_t *events, void *userdata);
	void *userdata;
};

/**
 * follow_run() - hand over lines and events as they come, until nobody reads our stdout any more or
 * the platform is gone; a daemon of ours that dies is waited for, and nothing is missed or repeated
 *
 * Return: 0 when the reader of stdout went away, negative errno with a text.
 */
must_check int follow_run(struct follow *f, struct error *err);
