/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/**
 * struct config_limits - caps; "not set" is LIMIT_UNSET, "max" is SIZE_INFINITY
 * @cpu_quota_percent: of one CPU
 * @cpus:              cpuset list, or NULL
 * @io_read_path …:    the device is the one that holds this path; NULL: the service's cwd
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
