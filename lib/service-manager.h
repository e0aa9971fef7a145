/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/*
 * The protocol between a daemon and whoever started it, a keeper or systemd: NOTIFY_SOCKET,
 * WATCHDOG_USEC and LISTEN_FDS (sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3)).
 */

/** The first descriptor that is handed over (sd_listen_fds(3)). */
#define LISTEN_FDS_START 3

/**
 * service_manager_notify() - send assignments such as "READY=1", separated by newlines
 *
 * Return: 1 when it was sent, 0 when nobody wants to know, or negative errno; -EAFNOSUPPORT for an
 * address that is neither a path nor abstract.
 */
must_check int service_manager_notify(const char *assignments);

/**
 * service_manager_watchdog() - how often WATCHDOG=1 is expected of this process
 * @ret_usec: the time after which we are taken for dead
 *
 * Return: 1 when it is expected, 0 when not, or -EINVAL when the variables are no numbers.
 */
must_check int service_manager_watchdog(usec_t *ret_usec);

/**
 * service_manager_listen_fds() - how many descriptors were handed over, from LISTEN_FDS_START on
 *
 * Return: their number, 0 when there are none for this process, or -EINVAL when the variables are
 * no numbers.
 */
must_check int service_manager_listen_fds(void);

/** service_manager_listen_fd_is() - whether descriptor LISTEN_FDS_START + @index has that name */
bool service_manager_listen_fd_is(int index, const char *name);
