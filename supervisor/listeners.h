/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"

/** struct listener - a TCP socket that takes connections */
struct listener {
	uint64_t inode;
	uint16_t port;
};

/** struct listeners - all of them in our network, by inode */
struct listeners {
	struct listener *all;
	size_t n;
	size_t room;
};

/** listeners_load() - ask the kernel (sock_diag(7)); Return: 0, or negative errno: then none */
must_check int listeners_load(struct listeners *ret);

/** listeners_done() - free; a zeroed one is allowed */
void listeners_done(struct listeners *l);

/**
 * listeners_of() - the ports on which a process takes connections
 * @ports: @n are in it already, each once and in order; room for @max
 *
 * Looks through its descriptors, the first few hundred of them: sockets that listen are opened
 * early. Return: how many ports are in it then.
 */
size_t listeners_of(const struct listeners *l, pid_t pid, uint16_t *ports, size_t n, size_t max);
