/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"
#include "lib/list.h"
#include "supervisor/unit-name.h"
#include "supervisor/unit-state.h"

struct unit_watch;

/**
 * struct unit_record - one unit of ours
 * @keeper:   that was heard last, 0: none was
 * @claimed:  a service of ours knows its keeper
 * @stopping: it ends because we want it to
 * @by_other: it ended because somebody told systemd to stop it
 * @number:   lists with a smaller one do not know it
 * @n_slices_gone: of slice_keeping, when it was asked for
 * @deadline_usec: of its start
 * @job:      its start job; NULL before the answer
 * @fault:    why it could not be started
 */
struct unit_record {
	struct list link;
	struct unit_watch *watch;
	char name[UNIT_NAME_MAX];
	unsigned instance;
	char unit[UNIT_NAME_MAX];
	enum unit_state state;
	pid_t keeper;
	bool claimed;
	bool stopping;
	bool by_other;
	uint64_t number;
	uint64_t n_slices_gone;
	usec_t deadline_usec;
	char *job;
	char fault[256];
};

/** unit_record_new() - one more in @list; NULL when out of memory */
struct unit_record *unit_record_new(struct list *list, const char *name, unsigned instance,
				    enum unit_state state);

/** unit_record_free() - take it out of its list and forget it */
void unit_record_free(struct unit_record *r);

/** unit_record_find() - the record of a unit, or NULL */
struct unit_record *unit_record_find(const struct list *list, const char *unit);

/** unit_record_of() - the record of an instance, or NULL */
struct unit_record *unit_record_of(const struct list *list, const char *name, unsigned instance);

/** unit_record_deadline() - when the first start is late; USEC_INFINITY: nothing starts */
usec_t unit_record_deadline(const struct list *list);
