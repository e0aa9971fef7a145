/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct keeper;

/**
 * struct heritage - what the next program needs besides the keeper's own state
 * @spec @next: files with the specs as they were read, -1: none
 * @peer:       place of the peer that is owed an answer
 * @serial:     of its request
 */
struct heritage {
	int spec;
	int next;
	uint32_t peer;
	uint32_t serial;
};

/**
 * heritage_write() - write everything into a new file
 * @ret_fd: memfd, CLOEXEC
 *
 * Return: 0 or negative errno.
 */
must_check int heritage_write(struct keeper *k, struct heritage *h, int *ret_fd);

/**
 * heritage_read() - take everything over; what is not there stays as it is
 *
 * All descriptors are CLOEXEC afterwards.
 *
 * Return: 0, -EBADMSG, or negative errno.
 */
must_check int heritage_read(struct keeper *k, struct heritage *h, int fd);

/**
 * heritage_keep() - let all descriptors that belong to it survive exec, or not any more
 *
 * Return: 0 or negative errno.
 */
must_check int heritage_keep(struct keeper *k, struct heritage *h, bool is_kept);
