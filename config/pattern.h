/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

#define PATTERN_BYTES_MAX 256
#define PATTERN_FAULT_MAX 160

/**
 * pattern_fault() - what is wrong with a POSIX extended regular expression
 * @regex: from a config
 * @buf:   room for the answer
 *
 * Return: NULL when it can be used, otherwise a text, in @buf or constant.
 */
const char *pattern_fault(const char *regex, char buf[static PATTERN_FAULT_MAX]);
