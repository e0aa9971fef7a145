/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct loop;
struct error;

/*
 * What every daemon does at its start and towards its service manager, be that a keeper or systemd:
 * SIGPIPE ignored, umask 077, READY=1, STATUS=, STOPPING=1, the watchdog's heartbeat, LISTEN_FDS.
 */

/** struct daemon_hello - the options that all daemons share, as daemon_options() found them */
struct daemon_hello {
	const char *program;
	bool debug;
};

/**
 * daemon_options() - --help --version --debug, and nothing else
 * @usage: text printed by --help
 *
 * Return: 0 to go on, 1 when the program should exit 0 now, -EINVAL after printing what was wrong
 * (exit 2).
 */
must_check int daemon_options(int argc, char **argv, const char *usage,
			      struct daemon_hello *ret_hello);

/** daemon_prepare() - signals, umask, log_init(), raise RLIMIT_NOFILE's soft limit to the hard */
void daemon_prepare(const struct daemon_hello *hello);

/** daemon_ready() - READY=1 with a STATUS= text (sd_notify(3)); silent without a manager */
void daemon_ready(const char *status);

/** daemon_stopping() - STOPPING=1 */
void daemon_stopping(void);

struct daemon_watchdog;

/**
 * daemon_watchdog_start() - WATCHDOG=1 at half of WATCHDOG_USEC for as long as the loop turns
 * @ret_watchdog: NULL when no watchdog is asked for; ended by daemon_watchdog_free()
 *
 * Return: 0 or negative errno.
 */
must_check int daemon_watchdog_start(struct loop *l, struct daemon_watchdog **ret_watchdog);

/** daemon_watchdog_free() - NULL is allowed */
void daemon_watchdog_free(struct daemon_watchdog *w);

/**
 * daemon_listen_fd() - the socket of that name among LISTEN_FDS/LISTEN_FDNAMES
 *
 * Each is given out once: where several have the same name, the next call returns the next one.
 *
 * Return: a CLOEXEC, NONBLOCK descriptor that the caller owns, or -ENOENT.
 */
must_check int daemon_listen_fd(const char *name);
