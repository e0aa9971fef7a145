/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "supervisor/keeper/notice.h"

/** Room for "@" and the name that the kernel gives. */
#define NOTIFY_ADDRESS_MAX 32

/**
 * struct notify - the socket that NOTIFY_SOCKET names; fd is -1 without one
 * @is_unit: who is heard are those in the payload's cgroup of the unit, not those below us
 */
struct notify {
	int fd;
	bool is_unit;
	char address[NOTIFY_ADDRESS_MAX]; /* "@0001f" */
};

/** enum - outcomes of notify_read() */
enum {
	NOTIFY_NOTHING = 0,
	NOTIFY_NOTICE = 1,
	NOTIFY_STRANGER = 2, /* not from our tree; passed over */
};

/**
 * notify_open() - bind an abstract address that nobody else has
 *
 * Return: 0 or negative errno.
 */
must_check int notify_open(struct notify *n);

/** notify_adopt() - take over the bound socket of an earlier program of this keeper */
must_check int notify_adopt(struct notify *n, int fd);

/**
 * notify_read() - take one datagram, if there is one
 * @only: the process that is heard; 0: all below us
 *
 * Return: NOTIFY_NOTHING, NOTIFY_NOTICE, NOTIFY_STRANGER, or negative errno.
 */
must_check int notify_read(struct notify *n, pid_t only, struct notice *ret_notice);
