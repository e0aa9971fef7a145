/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct cli;
struct command;

/**
 * complete_names() - print the names of services, one a line, for the shell's completion
 *
 * Never waits, and is silent when nothing runs. Return: an enum cli_exit.
 */
int complete_names(struct cli *cli);

/** complete_verbs() - print the verbs, one a line; returns an enum cli_exit */
int complete_verbs(const struct command *const *commands, size_t n);

/** complete_options() - print the options of a verb, one a line; returns an enum cli_exit */
int complete_options(const struct command *c);
