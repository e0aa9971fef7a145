/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct sandbox;
struct unit_properties;

/**
 * struct unit_sandbox - a sandbox as a unit has it
 * @sandbox:    borrowed with its texts
 * @keeper:     program of the keeper, which runs inside too
 * @is_user:    the manager is a user's: it cannot change what a unit sees of the file system
 */
struct unit_sandbox {
	const struct sandbox *sandbox;
	const char *keeper;
	bool is_user;
};

/** unit_properties_add_sandbox() - what the unit may see and touch, and its credentials */
void unit_properties_add_sandbox(struct unit_properties *p, const struct unit_sandbox *u);
