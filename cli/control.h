/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct cli;

/**
 * control_start() - start services and wait until they are ready
 * @names: NULL-terminated
 * @json:  print an array of outcomes instead of words
 *
 * Return: an enum cli_exit; everything was printed.
 */
must_check int control_start(struct cli *cli, char **names, bool json);
