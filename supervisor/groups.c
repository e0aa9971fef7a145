/* SPDX-License-Identifier: MIT */
#include "supervisor/groups.h"

#include <string.h>

#include "lib/error.h"
#include "lib/log.h"
#include "config/model.h"
#include "supervisor/group-limits.h"
#include "supervisor/launcher.h"
#include "supervisor/manager.h"

/*
 * From the config's slices to the launcher's groups. Most servers have none, and then nothing is
 * asked of anybody.
 */

static bool promises(const struct config_limits *l)
{
	return l->memory_min != LIMIT_UNSET || l->memory_low != LIMIT_UNSET;
}

static bool needs_groups(const struct config *c)
{
	bool needs = c && c->n_slices > 0;

	for (size_t i = 0; c && i < c->n_processes; i++)
		needs |= promises(&c->processes[i].limits);
	return needs;
}

static void limit(struct manager *m, const struct config *old, const char *group)
{
	struct launcher *l = m->launcher;
	struct config_limits limits;
	struct error err = {0};
	int code;

	if (!group_has_limits(m->config, group) && !(old && group_has_limits(old, group)))
		return;
	group_limits(m->config, group, &limits);
	code = l->ops->limit_group(l, group, &limits, &err);
	if (code < 0 && code != -EOPNOTSUPP)
		log_error("slice %s: %s", group ? group : "of all services", err.text);
}

static bool is_named_before(const struct config *c, size_t process)
{
	const char *group = group_of(&c->processes[process]);
	bool is_named = false;

	for (size_t i = 0; i < process; i++)
		is_named |= strcmp(group_of(&c->processes[i]), group) == 0;
	for (size_t i = 0; i < c->n_slices; i++)
		is_named |= strcmp(c->slices[i].name, group) == 0;
	return is_named;
}

static void limit_those_of(struct manager *m, const struct config *old, const struct config *c)
{
	for (size_t i = 0; c && i < c->n_slices; i++)
		limit(m, old, c->slices[i].name);
	for (size_t i = 0; c && i < c->n_processes; i++) {
		if (promises(&c->processes[i].limits) && !is_named_before(c, i))
			limit(m, old, group_of(&c->processes[i]));
	}
}

void groups_change(struct manager *m, const struct config *old)
{
	if (!needs_groups(m->config) && !needs_groups(old))
		return;
	limit(m, old, NULL);
	limit_those_of(m, old, m->config);
	limit_those_of(m, old, old);
}
