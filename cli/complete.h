/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct cli;

/**
 * complete_names() - print the names of services, one a line, for the shell's completion
 *
 * Never waits, and is silent when nothing runs. Return: an enum cli_exit.
 */
int complete_names(struct cli *cli);
