/* SPDX-License-Identifier: MIT */
#pragma once

#include "supervisor/bus-library.h"

struct unit_properties;

/**
 * unit_message_add() - append a list of properties to a message, as an "a(sv)"
 *
 * Return: 0 or negative errno.
 */
must_check int unit_message_add(const struct bus_library *l, sd_bus_message *m,
				const struct unit_properties *p);
