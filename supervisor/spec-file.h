/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct config_process;
struct error;
struct identity;

/**
 * struct spec_file - what goes into a keeper's spec besides the process itself
 * @instance: slot
 * @revision: config revision
 * @last_life: newest life that is known; those of this keeper have greater numbers
 * @env:      whole environment
 * @id:       who it runs as
 * @intake:   the collector's intake, or NULL
 * @cgroup:   or NULL
 * @watchdog_usec: 0: none
 */
struct spec_file {
	unsigned instance;
	uint64_t revision;
	uint64_t last_life;
	char *const *env;
	const struct identity *id;
	const char *intake;
	const char *cgroup;
	usec_t watchdog_usec;
};

/**
 * spec_file_write() - write the spec (supervisor/keeper/spec-format.h), 0600, by rename
 *
 * Return: 0, -E2BIG when it does not fit a keeper's bounds, negative errno with a text.
 */
must_check int spec_file_write(const char *path, const struct config_process *p,
			       const struct spec_file *s, struct error *err);
