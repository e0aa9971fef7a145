/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "supervisor/keeper/control-frame.h"

/** Sockets for the payload lie here and above, out of the way of 3, 4, … in the child. */
#define SOCKETS_FD_FROM 64

/**
 * struct sockets - the LISTEN_FDS sockets that every payload gets; all zero: none
 * @is_moved: they were set since somebody took note of that
 */
struct sockets {
	size_t n;
	int fds[KEEPER_FDS_MAX];
	char names[KEEPER_FDS_MAX][KEEPER_FD_NAME_MAX];
	bool is_moved;
};

/**
 * sockets_set() - replace them
 * @fds:   @n descriptors, borrowed
 * @names: terminated
 *
 * Return: 0, or negative errno with the old ones kept.
 */
must_check int sockets_set(struct sockets *s, const int *fds, size_t n,
			   char (*names)[KEEPER_FD_NAME_MAX]);

/** sockets_count_inherited() - how many were passed to us: descriptors 3, 4, … */
size_t sockets_count_inherited(void);

/**
 * sockets_inherit() - take those that were passed to the keeper itself by LISTEN_FDS
 *
 * Return: 0 (also when there are none), or negative errno.
 */
must_check int sockets_inherit(struct sockets *s);

/**
 * sockets_pick() - take one out that is none for the payload
 *
 * Return: the descriptor, the caller's; -1 when there is none of that name.
 */
int sockets_pick(struct sockets *s, const char *name);

/** sockets_join_names() - the value of LISTEN_FDNAMES */
void sockets_join_names(const struct sockets *s, char *buf, size_t cap);
