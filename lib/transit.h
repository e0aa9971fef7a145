/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/**
 * transit_new() - make a pipe through which the collector takes another one
 *
 * Whoever keeps it must not touch it while a collector may have it: read(2) and FIONREAD wait for a
 * disk then, poll(2) does not.
 *
 * Return: one descriptor for both of its ends, the caller's; negative errno.
 */
must_check int transit_new(void);
