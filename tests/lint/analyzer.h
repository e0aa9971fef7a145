/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Read before each file that clang-tidy looks at, and by nobody else. The analyzer cannot see into
 * error_set(), thinks that it may return 0, and then reports everything that a function did not
 * set when it failed. It returns the code that it was given.
 */
#include "lib/error.h"

#define error_set(err, code, ...) ((void)error_set(err, code, __VA_ARGS__), (code))
#define error_set_id(err, code, ...) ((void)error_set_id(err, code, __VA_ARGS__), (code))
