/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct config_process;
struct error;
struct identity;

/**
 * environment_build() - the whole environment of a payload
 * @inherit: "KEY=VALUE" vector that everything starts from (our own environment in the direct
 *           launcher); variables that belong to our start-up (NOTIFY_SOCKET, LISTEN_*, WATCHDOG_*)
 *           are left out
 * @id:      HOME, USER, LOGNAME, SHELL when it is set
 * @p:       its env_file is read with the identity's uid, then its env is laid over it
 * @ret_env: freed by strings_free()
 *
 * Return: 0, -ENOMEM, or the errno of the env_file with a text that never quotes its content.
 */
must_check int environment_build(char *const *inherit, const struct identity *id,
				 const struct config_process *p, char ***ret_env,
				 struct error *err);
