/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct config_limits;

/* Files of a cgroup that hold limits, and the longest value of one. */
#define CAPS_N 11
#define CAP_VALUE_MAX 264

/**
 * struct cap - one limit as the kernel's file has it
 * @controller: "memory"
 * @file:       "memory.max"
 * @key:        of the config, "memory_max"; of two that share a file the first
 * @is_set:     the config names it; otherwise @value is the kernel's default, which undoes an
 *              earlier limit
 * @value:      text to write; empty when the limit needs a device and there is none
 */
struct cap {
	const char *controller;
	const char *file;
	const char *key;
	bool is_set;
	char value[CAP_VALUE_MAX];
};

/**
 * caps_of() - limits in the words of cgroup v2
 * @device: "MAJOR:MINOR" of the disk that io_read_max and io_write_max are about; NULL: unknown
 * @ret:    one for each file, in a fixed order
 *
 * Sizes are rounded down to pages by the kernel. See
 * https://docs.kernel.org/admin-guide/cgroup-v2.html
 */
void caps_of(const struct config_limits *l, const char *device, struct cap ret[CAPS_N]);

/**
 * cap_words() - what a file of the kernel says, in the words of the config
 * @key:   "memory_max", "cpu_quota", …
 * @value: its first line
 *
 * Result: "256M", "150%", "max"; "" when the file says nothing about it.
 */
void cap_words(const char *key, const char *value, char ret[CAP_VALUE_MAX]);
