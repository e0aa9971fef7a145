/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct config_limits;

/** The group of our own daemons. */
#define SLICE_SYSTEM "system"

/**
 * slice_defaults_add() - what a slice gets beside what the config says
 * @group:     NULL: the slice of all groups
 * @ram_bytes: of the machine
 * @limits:    of the config, changed
 *
 * Context: pure.
 */
void slice_defaults_add(const char *group, uint64_t ram_bytes, struct config_limits *limits);
