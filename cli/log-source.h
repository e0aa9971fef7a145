/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

struct cli;
struct error;

/**
 * log_sink - takes lines as they come
 * @lines: array of the type Line of io.slicekeep.log, borrowed
 *
 * Return: 0, or a negative errno that ends the reading and is returned by it.
 */
typedef int log_sink(const json_t *lines, void *userdata);

/**
 * struct log_source - where lines are read from
 * @told: it was said, or is not to be said, that the collector does not do it
 * @missed: takes each answer of the collector before its lines, for what it could not have; or NULL
 * @patience_usec: how long it may take without the collector; 0: as long as it takes
 */
struct log_source {
	const struct cli *cli;
	bool told;
	log_sink *missed;
	usec_t patience_usec;
};

/**
 * log_source_read() - all stored lines that match, from the collector, or, while it is down or does
 * not answer, from the segments themselves, which is said on stderr
 * @filter: type Filter, borrowed; when 0 is returned its cursor points behind what was read
 *
 * Return: 0; -EREMOTEIO with the collector's complaint; -ETIMEDOUT when @patience_usec was not
 * enough; negative errno with a text.
 */
must_check int log_source_read(struct log_source *s, json_t *filter, log_sink *sink, void *userdata,
			       struct error *err);

/**
 * log_source_is_down() - whether the collector was not there, did not answer, or went away
 * @code: of what was asked of it
 *
 * The lines are there all the same.
 */
bool log_source_is_down(int code);

/**
 * struct log_tail - the last lines of one service, without its events
 * @life:          of this life alone; 0: of any
 * @until_at_usec: none that came later; 0: no bound
 * @n:             at most that many
 * @fresh:         the last ones may still be on their way: wait until there is a moment of silence
 */
struct log_tail {
	const char *name;
	uint64_t life;
	usec_t until_at_usec;
	unsigned n;
	bool fresh;
};

/**
 * log_source_tail() - read them
 *
 * Return: array, new reference; empty also when the lines cannot be had: they are a convenience.
 * NULL when out of memory.
 */
json_t *log_source_tail(const struct cli *cli, const struct log_tail *tail);

/**
 * log_source_services() - who has printed something
 *
 * Return: array of objects with at least the member name of the type Service of io.slicekeep.log,
 * or NULL.
 */
json_t *log_source_services(const struct cli *cli);

/** log_source_advance() - let @filter go on behind a batch of lines; Return: 0 or -ENOMEM */
must_check int log_source_advance(json_t *filter, const json_t *reply);
