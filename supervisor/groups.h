/* SPDX-License-Identifier: MIT */
#pragma once

struct config;
struct manager;

/**
 * groups_change() - give the groups of the applied config their limits, and lift those that only
 * the one before it had
 * @old: NULL: there was none
 *
 * What the launcher refuses is said, and keeps nobody from running.
 */
void groups_change(struct manager *m, const struct config *old);
