/* SPDX-License-Identifier: MIT */

/*
 * The arrays that are large and nearly never used. There is no heap to take them from when they are
 * needed, and a sweep must not fail for lack of memory, so they are reserved; a page of them costs
 * something once it is touched. They are common storage, which the linker puts behind everything
 * else: in between they would pull apart what is used all the time, ours and libc's, which together
 * fit into one page, and five hundred keepers would pay for that.
 */

#include "supervisor/keeper/reserve.h"

struct reserve reserve __attribute__((common));
