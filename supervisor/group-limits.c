/* SPDX-License-Identifier: MIT */
#include "supervisor/group-limits.h"

#include <string.h>

#include "lib/units.h"
#include "config/model.h"

/*
 * What the members of a group need from it. The whole is a group of groups: its promises are the
 * sums of theirs, and that of a group is the greater of what its members and its own line say.
 */

const char *group_of(const struct config_process *p)
{
	return p->slice ? p->slice : GROUP_DEFAULT;
}

static bool is_in(const struct config_process *p, const char *group)
{
	return strcmp(group_of(p), group) == 0;
}

static const struct config_limits *own_limits(const struct config *c, const char *group)
{
	for (size_t i = 0; i < c->n_slices; i++) {
		if (strcmp(c->slices[i].name, group) == 0)
			return &c->slices[i].limits;
	}
	return NULL;
}

/* LIMIT_UNSET counts as nothing, "max" swallows everything. */
static uint64_t sum(uint64_t a, uint64_t b)
{
	if (b == LIMIT_UNSET || a == SIZE_INFINITY)
		return a;
	if (a == LIMIT_UNSET || b == SIZE_INFINITY)
		return b;
	return a > LIMIT_UNSET - 1 - b ? SIZE_INFINITY : a + b;
}

static uint64_t greater(uint64_t a, uint64_t b)
{
	if (a == LIMIT_UNSET || b == LIMIT_UNSET)
		return a == LIMIT_UNSET ? b : a;
	return MAX_OF(a, b);
}

static void add_members(const struct config *c, const char *group, struct config_limits *limits)
{
	uint64_t min = LIMIT_UNSET, low = LIMIT_UNSET;

	for (size_t i = 0; i < c->n_processes; i++) {
		const struct config_process *p = &c->processes[i];

		for (unsigned n = 0; is_in(p, group) && n < p->instances; n++) {
			min = sum(min, p->limits.memory_min);
			low = sum(low, p->limits.memory_low);
		}
	}
	limits->memory_min = greater(limits->memory_min, min);
	limits->memory_low = greater(limits->memory_low, low);
}

static void limits_of_group(const struct config *c, const char *group, struct config_limits *ret)
{
	const struct config_limits *own = own_limits(c, group);

	if (own)
		*ret = *own;
	else
		config_limits_unset(ret);
	add_members(c, group, ret);
}

static void add_group(const struct config *c, const char *group, struct config_limits *whole)
{
	struct config_limits limits;

	limits_of_group(c, group, &limits);
	whole->memory_min = sum(whole->memory_min, limits.memory_min);
	whole->memory_low = sum(whole->memory_low, limits.memory_low);
}

/* Whether no slice of the config and no process before it has named that group. */
static bool is_first_of_group(const struct config *c, size_t process)
{
	const char *group = group_of(&c->processes[process]);

	if (own_limits(c, group))
		return false;
	for (size_t i = 0; i < process; i++) {
		if (is_in(&c->processes[i], group))
			return false;
	}
	return true;
}

void group_limits(const struct config *c, const char *group, struct config_limits *ret)
{
	if (group) {
		limits_of_group(c, group, ret);
		return;
	}
	config_limits_unset(ret);
	for (size_t i = 0; i < c->n_slices; i++)
		add_group(c, c->slices[i].name, ret);
	for (size_t i = 0; i < c->n_processes; i++) {
		if (is_first_of_group(c, i))
			add_group(c, group_of(&c->processes[i]), ret);
	}
}

bool group_has_limits(const struct config *c, const char *group)
{
	struct config_limits limits, none;

	group_limits(c, group, &limits);
	config_limits_unset(&none);
	return !config_limits_equal(&limits, &none);
}
