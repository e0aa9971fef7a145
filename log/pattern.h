/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

#define PATTERN_BYTES_MAX 1024
/** Groups in groups. */
#define PATTERN_DEPTH_MAX 32
/** What a pattern may cost, see pattern_cost(). */
#define PATTERN_COST_MAX 1500

/**
 * pattern_cost() - how much regcomp(3) will make of a POSIX extended regular expression
 * @pattern: may be none at all; regcomp(3) says so
 *
 * Return: roughly the number of characters and brackets once all repetitions are written out;
 * UINT64_MAX when groups are nested too deeply.
 */
uint64_t pattern_cost(const char *pattern);

/**
 * pattern_fixed() - the longest text that is in every line which a pattern matches
 * @pattern: one that regcomp(3) has taken
 * @ret:     room for PATTERN_BYTES_MAX; not terminated
 *
 * Return: its bytes; 0 when none is known.
 */
size_t pattern_fixed(const char *pattern, char ret[static PATTERN_BYTES_MAX]);
