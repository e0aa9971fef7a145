/* SPDX-License-Identifier: MIT */

/*
 * Slices with caps that are there exactly as long as somebody is in them.
 *
 * A slice that systemd makes because a service names it has no caps, and stays when the last
 * service has left. So ours are made by us, in one step with the first unit that lives there
 * (auxiliary units of StartTransientUnit), and with StopWhenUnneeded=: systemd itself ends them
 * after the last one, and nothing of them has to be taken back. To make one that is there already
 * is an error, so what is there is remembered; a slice that appears without having been made by us,
 * because it was about to end when a new member came, is given its caps then.
 */

#include "supervisor/slice-keeping.h"

#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "lib/text.h"
#include "config/limits.h"
#include "supervisor/slice-defaults.h"
#include "supervisor/unit-bus.h"
#include "supervisor/unit-name.h"
#include "supervisor/unit-properties.h"

/**
 * struct kept_slice - one slice
 * @is_there: as far as we know
 * @is_due:   its limits could not be set
 * @token:    the start that made it
 * @limits:   as they shall be
 */
struct kept_slice {
	struct list link;
	char unit[UNIT_NAME_MAX];
	bool is_there;
	bool is_due;
	uint64_t token;
	struct config_limits limits;
};

void slice_keeping_init(struct slice_keeping *k, uint64_t ram_bytes)
{
	*k = (struct slice_keeping){.ram_bytes = ram_bytes};
	list_init(&k->slices);
}

void slice_keeping_done(struct slice_keeping *k)
{
	list_for_each_safe(it, &k->slices) {
		struct kept_slice *slice = list_entry(it, struct kept_slice, link);

		config_limits_done(&slice->limits);
		free(slice);
	}
	list_init(&k->slices);
}

/* What a slice has that the config says nothing about. */
static void set_defaults(const struct slice_keeping *k, struct kept_slice *slice)
{
	char system[UNIT_NAME_MAX], all[UNIT_NAME_MAX];

	unit_name_slice(SLICE_SYSTEM, system);
	unit_name_slice(NULL, all);
	if (strcmp(slice->unit, all) == 0)
		slice_defaults_add(NULL, k->ram_bytes, &slice->limits);
	else if (strcmp(slice->unit, system) == 0)
		slice_defaults_add(SLICE_SYSTEM, k->ram_bytes, &slice->limits);
}

/* A plain "-" in what we call a group would be a slice below it, which somebody else has made. */
static bool is_ours(const char *unit)
{
	const char *group = text_starts(unit, "slicekeep-") ? unit + strlen("slicekeep-") : NULL;

	return text_equal(unit, "slicekeep.slice") ||
	       (group && text_ends(unit, ".slice") && !strchr(group, '-'));
}

/* Return: NULL when out of memory, and for what is no slice of ours. */
static struct kept_slice *kept(struct slice_keeping *k, const char *unit)
{
	struct kept_slice *slice;

	list_for_each(it, &k->slices) {
		slice = list_entry(it, struct kept_slice, link);
		if (strcmp(slice->unit, unit) == 0)
			return slice;
	}
	if (!is_ours(unit))
		return NULL;
	slice = calloc(1, sizeof(*slice));
	if (!slice)
		return NULL;
	snprintf(slice->unit, sizeof(slice->unit), "%s", unit);
	config_limits_unset(&slice->limits);
	set_defaults(k, slice);
	list_append(&k->slices, &slice->link);
	return slice;
}

/* --- caps ---------------------------------------------------------------------------------- */

static void give_limits(struct unit_bus *bus, struct kept_slice *slice)
{
	cleanup_free struct unit_properties *p = calloc(1, sizeof(*p));
	struct unit_call call = {.unit = slice->unit};
	int code = p ? 0 : -ENOMEM;

	if (code == 0) {
		unit_properties_add_limits(p, &slice->limits);
		code = unit_bus_set(bus, &call, p);
	}
	slice->is_due = code == -ENOTCONN; /* given when all is listed */
	if (code < 0 && code != -ENOTCONN)
		log_error("cannot set the limits of \"%s\": %s", slice->unit, strerror(-code));
}

static int copy_limits(const struct config_limits *from, struct config_limits *ret)
{
	struct config_limits copy = *from;

	copy.cpus = from->cpus ? strdup(from->cpus) : NULL;
	copy.io_path = from->io_path ? strdup(from->io_path) : NULL;
	if ((from->cpus && !copy.cpus) || (from->io_path && !copy.io_path)) {
		config_limits_done(&copy);
		return -ENOMEM;
	}
	*ret = copy;
	return 0;
}

int slice_keeping_limit(struct slice_keeping *k, struct unit_bus *bus, const char *group,
			const struct config_limits *limits)
{
	char unit[UNIT_NAME_MAX];
	struct config_limits copy;
	struct kept_slice *slice;

	unit_name_slice(group, unit);
	slice = kept(k, unit);
	if (!slice || copy_limits(limits, &copy) < 0)
		return -ENOMEM;
	config_limits_done(&slice->limits);
	slice->limits = copy;
	set_defaults(k, slice);
	if (slice->is_there)
		give_limits(bus, slice);
	return 0;
}

/* --- coming and going ---------------------------------------------------------------------- */

/* Adds the slice to those that are made, unless it is there. Return: 0 or -ENOMEM. */
static int add_aux(struct slice_keeping *k, const char *unit, uint64_t token, struct unit_made *aux,
		   size_t *n_aux)
{
	struct kept_slice *slice = kept(k, unit);
	struct unit_properties *p;

	if (!slice)
		return -ENOMEM;
	if (slice->is_there)
		return 0;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	unit_properties_add_slice(p, "services kept by slicekeep");
	unit_properties_add_limits(p, &slice->limits);
	aux[(*n_aux)++] = (struct unit_made){.unit = slice->unit, .properties = p};
	slice->is_there = true;
	slice->token = token;
	return 0;
}

int slice_keeping_start(struct slice_keeping *k, struct unit_bus *bus, const struct unit_call *call,
			const struct unit_properties *p, const char *slice)
{
	struct unit_made aux[2];
	char all[UNIT_NAME_MAX];
	size_t n_aux = 0;
	int code;

	unit_name_slice(NULL, all);
	code = add_aux(k, all, call->token, aux, &n_aux);
	if (code == 0)
		code = add_aux(k, slice, call->token, aux, &n_aux);
	if (code == 0)
		code = unit_bus_start(bus, call, p, aux, n_aux);
	if (code < 0)
		slice_keeping_refused(k, call->token);
	for (size_t i = 0; i < n_aux; i++)
		free((struct unit_properties *)aux[i].properties);
	return code;
}

void slice_keeping_refused(struct slice_keeping *k, uint64_t token)
{
	list_for_each(it, &k->slices) {
		struct kept_slice *slice = list_entry(it, struct kept_slice, link);

		if (slice->token == token)
			slice->is_there = false;
	}
}

static void find(struct slice_keeping *k, struct unit_bus *bus, const char *unit)
{
	struct kept_slice *slice = kept(k, unit);

	if (!slice || slice->is_there)
		return;
	slice->is_there = true;
	slice->token = 0;
	give_limits(bus, slice);
}

void slice_keeping_made(struct slice_keeping *k, struct unit_bus *bus, const char *unit)
{
	find(k, bus, unit);
}

void slice_keeping_unloaded(struct slice_keeping *k, const char *unit)
{
	list_for_each(it, &k->slices) {
		struct kept_slice *slice = list_entry(it, struct kept_slice, link);

		if (strcmp(slice->unit, unit) != 0)
			continue;
		slice->is_there = false;
		k->n_gone++;
	}
}

void slice_keeping_listed(struct slice_keeping *k, struct unit_bus *bus, uint64_t token,
			  const struct unit_found *units, size_t n)
{
	list_for_each(it, &k->slices) {
		struct kept_slice *slice = list_entry(it, struct kept_slice, link);

		if (slice->token < token && !unit_found_find(units, n, slice->unit))
			slice->is_there = false;
		if (slice->is_there && slice->is_due)
			give_limits(bus, slice);
	}
	for (size_t i = 0; i < n; i++)
		find(k, bus, units[i].unit);
}
