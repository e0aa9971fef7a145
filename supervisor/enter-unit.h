/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct error;
struct paths;

/**
 * enter_unit() - have systemd run the supervisor's keeper as a unit of its own
 * @argv:    the keeper with its arguments, NULL-terminated
 * @ret_pid: the keeper
 *
 * Context: for a process of its own, that does nothing else: it turns a loop until the unit runs.
 * Return: 0 or negative errno with a text.
 */
must_check int enter_unit(const struct paths *paths, const char *const *argv, pid_t *ret_pid,
			  struct error *err);
