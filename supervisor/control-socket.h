/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct error;
struct launch;

/**
 * control_socket_check() - make sure that nobody answers at the control socket of a keeper that is
 * to be started
 *
 * Return: 0; -EEXIST with a text when a keeper does; another negative errno with a text when that
 * cannot be told.
 */
must_check int control_socket_check(const struct launch *what, struct error *err);
