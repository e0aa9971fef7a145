/* SPDX-License-Identifier: MIT */

/*
 * What is remembered of each unit of ours, from its first mention until systemd has unloaded it.
 */

#include "supervisor/unit-record.h"

#include <stdio.h>
#include <string.h>

struct unit_record *unit_record_new(struct list *list, const char *name, unsigned instance,
				    enum unit_state state)
{
	struct unit_record *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->instance = instance;
	r->state = state;
	r->deadline_usec = USEC_INFINITY;
	snprintf(r->name, sizeof(r->name), "%s", name);
	unit_name_service(name, instance, r->unit);
	list_append(list, &r->link);
	return r;
}

void unit_record_free(struct unit_record *r)
{
	list_remove(&r->link);
	free(r->job);
	free(r);
}

struct unit_record *unit_record_find(const struct list *list, const char *unit)
{
	list_for_each(it, list) {
		struct unit_record *r = list_entry(it, struct unit_record, link);

		if (strcmp(r->unit, unit) == 0)
			return r;
	}
	return NULL;
}

struct unit_record *unit_record_of(const struct list *list, const char *name, unsigned instance)
{
	char unit[UNIT_NAME_MAX];

	unit_name_service(name, instance, unit);
	return unit_record_find(list, unit);
}

usec_t unit_record_deadline(const struct list *list)
{
	usec_t next = USEC_INFINITY;

	list_for_each(it, list) {
		const struct unit_record *r = list_entry(it, struct unit_record, link);

		if (r->state == UNIT_STARTING)
			next = MIN_OF(next, r->deadline_usec);
	}
	return next;
}
