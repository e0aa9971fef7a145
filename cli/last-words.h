/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct paths;

/**
 * last_words_print() - print what a supervisor that does not come up has said, on stderr
 * @said_fd: what its keeper printed
 */
void last_words_print(const struct paths *paths, int said_fd);
