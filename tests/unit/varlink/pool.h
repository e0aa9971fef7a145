/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"
#include "lib/varlink/server.h"

/*
 * A Varlink server in a process of its own, with methods that answer at once, later, often, too
 * much, or wrongly (org.example.pool), and that counts what it is told.
 */

struct pool {
	pid_t pid;
	char folder[32];
	char path[64];
};

/** pool_start() - fork the server; every peer has @role, or VARLINK_ROLE_COUNT for the default */
void pool_start(struct pool *p, enum varlink_role role);

/** pool_stop() - end the server, which must have survived and left nothing allocated */
void pool_stop(struct pool *p);

/** pool_kill() - end the server in the middle of what it does */
void pool_kill(struct pool *p);

/** pool_rss_bytes() - resident memory of the server */
size_t pool_rss_bytes(const struct pool *p);
