/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/**
 * store_put() - give a descriptor to the service manager to keep
 * @name: by which it comes back, in LISTEN_FDNAMES; what it has of that name is replaced
 * @fd:   borrowed
 *
 * Return: 0, -ENOTCONN without a manager, negative errno.
 */
must_check int store_put(const char *name, int fd);

/** store_say_ready() - tell the manager that we are there; Return: as above */
must_check int store_say_ready(void);
