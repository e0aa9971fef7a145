/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdio.h>
#include <string.h>

#include "lib/error.h"
#include "supervisor/unit-bus.h"
#include "supervisor/unit-name.h"
#include "supervisor/unit-properties.h"

/*
 * A manager's bus that only notes what it was asked. Header only, in the place of unit-bus.c, so
 * that a test still lists the .c files of the project alone.
 */

/* The last call of each kind, and how many there were. */
struct asked {
	unsigned n;
	char unit[UNIT_NAME_MAX];
	uint64_t token;
	unit_bus_fn fn;
};

struct unit_bus {
	const struct unit_bus_events *events;
	void *userdata;
	struct asked start, stop, kill, set, list;
	char slice[UNIT_NAME_MAX];
	char description[4608];
	char aux[2][UNIT_NAME_MAX];
	size_t n_aux;
	uint64_t memory_max;
	bool is_gone;
};

/* Where the next one is; set by the test. */
static struct unit_bus *fake_bus;

static int note(struct unit_bus *b, struct asked *a, const struct unit_call *call)
{
	if (b->is_gone)
		return -ENOTCONN;
	a->n++;
	snprintf(a->unit, sizeof(a->unit), "%s", call->unit);
	a->token = call->token;
	a->fn = call->fn;
	return 0;
}

int unit_bus_new(const struct unit_bus_owner *owner, struct unit_bus **ret_bus, struct error *err)
{
	if (fake_bus->is_gone)
		return error_set(err, -ECONNREFUSED, "systemd does not answer");
	fake_bus->events = owner->events;
	fake_bus->userdata = owner->userdata;
	*ret_bus = fake_bus;
	return 0;
}

void unit_bus_free(struct unit_bus *b)
{
}

int unit_bus_start(struct unit_bus *b, const struct unit_call *call,
		   const struct unit_properties *p, const struct unit_made *aux, size_t n_aux)
{
	snprintf(b->slice, sizeof(b->slice), "%s", unit_properties_find(p, "Slice")->text);
	snprintf(b->description, sizeof(b->description), "%s",
		 unit_properties_find(p, "Description")->text);
	b->memory_max = unit_properties_find(p, "MemoryMax")->number;
	b->n_aux = n_aux;
	for (size_t i = 0; i < n_aux; i++)
		snprintf(b->aux[i], sizeof(b->aux[i]), "%s", aux[i].unit);
	return note(b, &b->start, call);
}

int unit_bus_stop(struct unit_bus *b, const struct unit_call *call)
{
	return note(b, &b->stop, call);
}

int unit_bus_kill(struct unit_bus *b, const struct unit_call *call)
{
	return note(b, &b->kill, call);
}

int unit_bus_set(struct unit_bus *b, const struct unit_call *call, const struct unit_properties *p)
{
	b->memory_max = unit_properties_find(p, "MemoryMax")->number;
	return note(b, &b->set, call);
}

int unit_bus_list(struct unit_bus *b, uint64_t serial)
{
	return note(b, &b->list, &(struct unit_call){.unit = "", .token = serial});
}

char *__wrap_paths_program(const char *name);

char *__wrap_paths_program(const char *name)
{
	return strdup("/libexec/slicekeep-keeper");
}
