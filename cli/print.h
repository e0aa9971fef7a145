/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

struct text;

/** What who takes lines returns when they cannot be printed any more: no errno that a daemon's
 * absence has. Why is told when the program ends. */
#define PRINT_GONE (-ECANCELED)

/** print_text() - write a text to stdout and empty it; returns an enum cli_exit */
int print_text(struct text *t);

/** print_json() - print a value on stdout, indented for people; returns an enum cli_exit */
int print_json(const json_t *value);

/** print_json_line() - print a value on stdout as one line, at once; returns an enum cli_exit */
int print_json_line(const json_t *value);

/** print_out_of_memory() - say so; returns CLI_FAILED */
int print_out_of_memory(void);
