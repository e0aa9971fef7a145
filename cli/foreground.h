/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct cli;

/**
 * foreground_run() - start the platform, say what to type next, stay until a signal comes, and stop
 * everything in order
 * @launcher: as up_start()
 *
 * Return: an enum cli_exit; everything was printed.
 */
must_check int foreground_run(struct cli *cli, const char *launcher);
