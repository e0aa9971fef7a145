/* SPDX-License-Identifier: MIT */
#pragma once

#include <limits.h>
#include <sys/types.h>

#include "supervisor/keeper/spec.h"

/** Processes that one look at a tree can list. */
#define RESERVE_PIDS_MAX 16384
/** Words of a command line that is given on. */
#define RESERVE_WORDS_MAX 8192

/**
 * struct reserve - large arrays that most keepers never touch
 * @pids: of a sweep, or
 * @path: of a search along PATH, in the child, or of a socket's folder, or
 * @words: of the command line of the program that replaces this one
 * @env:  of a payload that was given on the command line
 */
struct reserve {
	union {
		pid_t pids[RESERVE_PIDS_MAX];
		char path[PATH_MAX];
		char *words[RESERVE_WORDS_MAX];
	};
	char *env[SPEC_ENV_MAX + SPEC_ENV_OWN];
};

extern struct reserve reserve;
