/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/**
 * struct config_limits - caps; "not set" is LIMIT_UNSET, "max" is SIZE_INFINITY
 * @cpu_quota_percent: of one CPU
 * @cpus:              cpuset list, or NULL
 * @io_read_path …:    the device is the one that holds this path; of a process its cwd
 *                     unless it says otherwise, of a slice NULL: none
 */
struct config_limits {
	uint64_t memory_min, memory_low, memory_high, memory_max, swap_max;
	uint64_t cpu_weight, cpu_quota_percent;
	uint64_t io_weight, io_read_max, io_write_max;
	uint64_t tasks_max, open_files;
	char *cpus;
	char *io_path;
	int oom_score;
	bool has_oom_score;
};

#define LIMIT_UNSET (UINT64_MAX - 1)

/** config_limits_unset() - none of them set */
void config_limits_unset(struct config_limits *ret);

/** config_limits_equal() - whether two are the same */
bool config_limits_equal(const struct config_limits *a, const struct config_limits *b);

/** config_limits_have_rates() - whether they cap reading from or writing to a disk */
bool config_limits_have_rates(const struct config_limits *l);

/** config_limits_done() - free what it holds */
void config_limits_done(struct config_limits *l);
