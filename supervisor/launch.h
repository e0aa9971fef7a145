/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct config_limits;
struct sandbox;

/**
 * struct launch - one keeper to start
 * @name:     service
 * @instance: slot
 * @spec:     its spec file, already written
 * @control:  path of its control socket; it accepts connections when start() returns 0, or else
 *            when `started` is told
 * @slice:    group it belongs to
 * @limits:   caps of one instance
 * @sandbox: what its payload may see and touch
 * @stop_usec: what its payload may take to stop
 * @run:      start the payload at once; otherwise KEEPER_START does
 */
struct launch {
	const char *name;
	unsigned instance;
	const char *spec;
	const char *control;
	const char *slice;
	const struct config_limits *limits;
	const struct sandbox *sandbox;
	usec_t stop_usec;
	bool run;
};
