/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"

/**
 * confine_privileges() - give up, for ever, what a sandboxed payload must not gain or use
 *
 * Context: in the child, before it changes its user.
 * Return: 0 or negative errno.
 */
must_check int confine_privileges(void);

/**
 * confine_credentials() - make a folder of credentials and its files the payload's own
 * @folder: as the manager left it: root's, in a read-only mount, in our own mount namespace
 *
 * Context: in the child, before it changes its user.
 * Return: 0 or negative errno.
 */
must_check int confine_credentials(const char *folder, uid_t uid, gid_t gid);
