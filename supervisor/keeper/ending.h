/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/**
 * ending_mark() - note that the unit is asked to stop, beside its control socket
 *
 * Context: ExecStop=.
 * Return: 0 or negative errno, said.
 */
must_check int ending_mark(const char *control);

/** ending_unmark() - forget that; Return: 0 or negative errno */
must_check int ending_unmark(const char *control);

/**
 * ending_sweep() - kill everybody in the unit's cgroup, unless another keeper follows
 *
 * The mark and the control socket go with them.
 *
 * Context: ExecStopPost=; takes until all are dead, ten seconds at most.
 * Return: 0, or negative errno, said.
 */
must_check int ending_sweep(const char *control);
