/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "lib/list.h"

struct config_limits;
struct unit_bus;
struct unit_call;
struct unit_found;
struct unit_properties;

/**
 * struct slice_keeping - our slices, as systemd has them
 * @slices: struct kept_slice by link
 * @ram_bytes: of the machine
 * @n_gone: how often one has gone
 */
struct slice_keeping {
	struct list slices;
	uint64_t ram_bytes;
	uint64_t n_gone;
};

/** slice_keeping_init() - none is known */
void slice_keeping_init(struct slice_keeping *k, uint64_t ram_bytes);

/** slice_keeping_done() - forget them; they stay as they are */
void slice_keeping_done(struct slice_keeping *k);

/**
 * slice_keeping_limit() - give a slice the caps of the config, now or when it is made
 * @group:  NULL: the slice of all groups
 * @limits: copied
 *
 * Return: 0 or -ENOMEM.
 */
must_check int slice_keeping_limit(struct slice_keeping *k, struct unit_bus *bus, const char *group,
				   const struct config_limits *limits);

/**
 * slice_keeping_start() - start a unit, together with those of its slices that are not there
 * @call:  its token has not been used before
 * @slice: unit
 *
 * Return: 0 or negative errno, as unit_bus_start().
 */
must_check int slice_keeping_start(struct slice_keeping *k, struct unit_bus *bus,
				   const struct unit_call *call, const struct unit_properties *p,
				   const char *slice);

/** slice_keeping_refused() - that start has failed: its slices may not be there either */
void slice_keeping_refused(struct slice_keeping *k, uint64_t token);

/** slice_keeping_made() - a unit was loaded; a slice that nobody gave its caps is given them */
void slice_keeping_made(struct slice_keeping *k, struct unit_bus *bus, const char *unit);

/** slice_keeping_unloaded() - a unit has gone */
void slice_keeping_unloaded(struct slice_keeping *k, const char *unit);

/**
 * slice_keeping_listed() - these units are there
 * @token: starts with a smaller one are known to the list
 */
void slice_keeping_listed(struct slice_keeping *k, struct unit_bus *bus, uint64_t token,
			  const struct unit_found *units, size_t n);
