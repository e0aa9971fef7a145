/* SPDX-License-Identifier: MIT */

/*
 * Caps as values: none at all, whether two are the same, and the end of one.
 */

#include "config/limits.h"

#include "lib/text.h"

void config_limits_unset(struct config_limits *ret)
{
	*ret = (struct config_limits){
		.memory_min = LIMIT_UNSET,
		.memory_low = LIMIT_UNSET,
		.memory_high = LIMIT_UNSET,
		.memory_max = LIMIT_UNSET,
		.swap_max = LIMIT_UNSET,
		.cpu_weight = LIMIT_UNSET,
		.cpu_quota_percent = LIMIT_UNSET,
		.io_weight = LIMIT_UNSET,
		.io_read_max = LIMIT_UNSET,
		.io_write_max = LIMIT_UNSET,
		.tasks_max = LIMIT_UNSET,
		.open_files = LIMIT_UNSET,
	};
}

bool config_limits_equal(const struct config_limits *a, const struct config_limits *b)
{
	return a->memory_min == b->memory_min && a->memory_low == b->memory_low &&
	       a->memory_high == b->memory_high && a->memory_max == b->memory_max &&
	       a->swap_max == b->swap_max && a->cpu_weight == b->cpu_weight &&
	       a->cpu_quota_percent == b->cpu_quota_percent && a->io_weight == b->io_weight &&
	       a->io_read_max == b->io_read_max && a->io_write_max == b->io_write_max &&
	       a->tasks_max == b->tasks_max && a->open_files == b->open_files &&
	       a->has_oom_score == b->has_oom_score && a->oom_score == b->oom_score &&
	       text_equal(a->cpus, b->cpus) && text_equal(a->io_path, b->io_path);
}

bool config_limits_have_rates(const struct config_limits *l)
{
	return l->io_read_max != LIMIT_UNSET || l->io_write_max != LIMIT_UNSET;
}

void config_limits_done(struct config_limits *l)
{
	free(steal_ptr(l->cpus));
	free(steal_ptr(l->io_path));
}
