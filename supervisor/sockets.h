/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "supervisor/keeper/control-frame.h"

struct error;
struct keeper_link;

/** struct sockets_wanted - one socket that a service inherits */
struct sockets_wanted {
	char name[KEEPER_FD_NAME_MAX];
	char *path;
	int type;
};

/**
 * struct sockets - listening sockets that outlive every life of a service
 * @wanted: @n that say what they are, heap: most services have none
 * @fds:    -1 while not bound
 *
 * Bound here, held by the keeper too, so that whoever connects while the payload is being restarted
 * waits in the backlog instead of being refused.
 */
struct sockets {
	struct sockets_wanted *wanted;
	int fds[KEEPER_FDS_MAX];
	size_t n;
};

/** sockets_add() - want a Unix socket at @path (copied); Return: 0, -ENOSPC, -ENOMEM */
must_check int sockets_add(struct sockets *s, const char *name, const char *path, int type);

/** sockets_bind() - bind those that are not; Return: 0 or negative errno with a text */
must_check int sockets_bind(struct sockets *s, struct error *err);

/** sockets_send() - hand them to a keeper; Return: 0 or negative errno */
must_check int sockets_send(const struct sockets *s, struct keeper_link *keeper);

/** sockets_done() - close and free */
void sockets_done(struct sockets *s);
