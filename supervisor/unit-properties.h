/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct config_limits;

/*
 * What a unit shall be, as a list of (name, type, value) that an adapter only has to write into a
 * message. Pure: nothing here knows the bus.
 */

enum unit_type {
	UNIT_TEXT,    /* s */
	UNIT_FLAG,    /* b */
	UNIT_NUMBER,  /* t */
	UNIT_COUNT,   /* u */
	UNIT_INTEGER, /* i */
	UNIT_WORDS,   /* as: @argv */
	UNIT_PROGRAM, /* a(sasb): a path, its argv, whose failure counts */
	UNIT_RATE,    /* a(st): none, or a path and bytes a second */
	UNIT_BYTES,   /* ay */
	UNIT_CODES,   /* (aiai): @bytes are exit codes, no signals */
	UNIT_ALLOWED, /* (bas): only @argv */
	UNIT_BINDS,   /* a(ssbt): paths of @argv, each to where it is, all below it too */
	UNIT_PAIRS,   /* a(ss): @argv, "FIRST:SECOND" */
	UNIT_TYPE_COUNT,
};

/** struct unit_property - @text, @argv and @bytes are borrowed */
struct unit_property {
	const char *name;
	enum unit_type type;
	const char *text;
	const char *const *argv;
	const uint8_t *bytes;
	uint64_t number;
};

#define UNIT_PROPERTIES_MAX 64
/** A bit for each CPU that a list may name. */
#define UNIT_CPU_BYTES_MAX 1024

/** Words of all lists that are put together here. */
#define UNIT_WORDS_MAX 128

/** struct unit_properties - points into itself: it stays where it was made */
struct unit_properties {
	struct unit_property items[UNIT_PROPERTIES_MAX];
	size_t n;
	const char *words[UNIT_WORDS_MAX];
	size_t n_words;
	uint8_t cpus[UNIT_CPU_BYTES_MAX];
};

/**
 * struct unit_keeper - the unit of one keeper
 * @slice:     unit
 * @argv:      its program and arguments
 * @stop @stop_post: programs for ExecStop and ExecStopPost, NULL for none
 * @before:    units that are stopped first when all are, NULL for none
 * @env:       "KEY=VALUE" beside what the manager gives to all, NULL for none
 * @oom_score: for the keeper; the payload gets its own. INT_MIN: the manager's default
 * @stop_usec: how long its stop may take
 * @outermost: the supervisor's own, without the options for a unit: nothing of it outlives it
 */
struct unit_keeper {
	const char *description;
	const char *slice;
	const char *const *argv;
	const char *const *stop;
	const char *const *stop_post;
	const char *const *before;
	const char *const *env;
	int oom_score;
	usec_t stop_usec;
	bool outermost;
};

/** unit_properties_add() - one more, without a value yet; borrowed */
struct unit_property *unit_properties_add(struct unit_properties *p, const char *name,
					  enum unit_type type);

/** unit_properties_add_word() - one more word behind all others; NULL ends a list */
void unit_properties_add_word(struct unit_properties *p, const char *word);

/** unit_properties_add_keeper() - everything of a keeper's unit but its limits */
void unit_properties_add_keeper(struct unit_properties *p, const struct unit_keeper *k);

/**
 * unit_properties_add_limits() - all limits, those that are not set as "no limit": what was changed
 * back is changed back
 * @l: borrowed with its texts
 */
void unit_properties_add_limits(struct unit_properties *p, const struct config_limits *l);

/** unit_properties_add_slice() - what makes a slice go away with its last member */
void unit_properties_add_slice(struct unit_properties *p, const char *description);

/** unit_properties_find() - the property of that name, or NULL */
const struct unit_property *unit_properties_find(const struct unit_properties *p, const char *name);
