/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"

/**
 * pager_begin() - from now on stdout goes into a pager that opens at the end of the text
 *
 * $PAGER, or less; where neither can be run, stdout stays as it is.
 *
 * Return: its pid, or 0 when there is none.
 */
pid_t pager_begin(void);

/** pager_end() - close the pager's input and wait until it was left; 0 is allowed */
void pager_end(pid_t pid);
