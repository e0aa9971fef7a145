/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/**
 * delegation_note() - why the direct launcher does not enforce limits here
 * @proc_self: "/proc/self": where mountinfo and cgroup are read
 *
 * Return: one line for people, "limits not enforced: …", heap; or NULL when out of memory.
 */
char *delegation_note(const char *proc_self);
