/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct cli;

/**
 * renew_supervisor() - replace the running supervisor by a new one; services run on
 *
 * Return: an enum cli_exit; everything was printed.
 */
must_check int renew_supervisor(struct cli *cli);

/** renew_platform() - the same for all daemons of ours, the supervisor last */
must_check int renew_platform(struct cli *cli);
