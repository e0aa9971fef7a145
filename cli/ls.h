/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct error;
struct supervisor;

/**
 * ls_print() - print the table of services and what stands below it
 * @names: only these, NULL-terminated; NULL or empty for all
 * @count: say how many processes each one has, which costs a look into /proc for each
 *
 * Return: 0 or negative errno with a text.
 */
must_check int ls_print(struct supervisor *s, char *const *names, bool count, struct error *err);

/** ls_print_json() - print the services as an array; @names and Return: as ls_print() */
must_check int ls_print_json(struct supervisor *s, char *const *names, struct error *err);
