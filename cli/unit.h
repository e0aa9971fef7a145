/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct cli;
struct error;

/**
 * unit_is_ours() - whether this platform is what the installed slicekeep.service runs
 *
 * That is: systemd is there, the unit is, and it would use the same folders as we do.
 */
bool unit_is_ours(const struct cli *cli);

/**
 * unit_start() - let systemd start it, and wait until it is ready
 *
 * Return: 0, or negative errno with a text; systemd has said more on stderr.
 */
must_check int unit_start(struct error *err);
