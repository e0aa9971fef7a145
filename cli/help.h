/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct cli;
struct command;

/** help_all() - print all verbs, grouped */
void help_all(const struct cli *cli, const struct command *const *commands, size_t n);

/** help_one() - print one verb with its options */
void help_one(const struct cli *cli, const struct command *c);
