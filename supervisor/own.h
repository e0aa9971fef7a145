/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct error;
struct manager;

/**
 * own_daemons_apply() - make our own daemons services of the group "system", or change those that
 * are there when the applied config, whose sections become their options, says something else now
 *
 * Return: 0 or negative errno with a text.
 */
must_check int own_daemons_apply(struct manager *m, struct error *err);

/**
 * own_daemons_listen() - bind their sockets, but not those that a keeper of before holds
 *
 * Context: before the supervisor answers anybody, after it has looked for keepers.
 */
void own_daemons_listen(struct manager *m);
