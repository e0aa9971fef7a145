/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "config/model.h"

/** cwd, script, program, home, and the end */
#define SANDBOX_READS_MAX 5
/** What is writable, our own folder, and the end */
#define SANDBOX_WRITES_MAX (CONFIG_WRITABLE_MAX + 2)

/**
 * struct sandbox - what one payload may see and touch of the machine
 * @is_on:       false: all that its user may
 * @reads:       paths that it needs, NULL-terminated
 * @writes:      paths that it and its keeper may change, NULL-terminated
 * @credentials: "NAME:PATH", files that it is given, or NULL; also without a sandbox
 */
struct sandbox {
	bool is_on;
	const char *reads[SANDBOX_READS_MAX];
	const char *writes[SANDBOX_WRITES_MAX];
	char *const *credentials;
};

/**
 * sandbox_of() - the sandbox of a process; everything is borrowed
 * @home: of its user, or NULL
 * @run:  folder in which its keeper has its files
 *
 * Context: pure.
 */
struct sandbox sandbox_of(const struct config_process *p, const char *home, const char *run);
