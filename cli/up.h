/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct cli;
struct config;
struct error;
struct supervisor;

/** up_start() found a platform that runs already, and changed nothing */
#define UP_ALREADY 1

/**
 * up_start() - start the platform if it does not run, and wait until its services have settled
 * @launcher:       "auto", "systemd", "direct"; NULL: SLICEKEEP_LAUNCHER, or auto
 * @by_unit:        let the installed slicekeep.service do it
 * @ret_supervisor: connected when it runs already, else for supervisor_reopen()
 *
 * Return: 0, UP_ALREADY, or negative errno with a text; what the supervisor said is on stderr.
 */
must_check int up_start(struct cli *cli, const char *launcher, bool by_unit,
			struct supervisor *ret_supervisor, struct error *err);

/**
 * up_in_background() - the same, and print the table
 * @json: print an array of services instead
 *
 * Return: an enum cli_exit; everything was printed.
 */
must_check int up_in_background(struct cli *cli, const char *launcher, bool json);

/**
 * up_take_turn() - one `up` at a time: the second one waits here, and finds everything up
 * @wait: or else -EWOULDBLOCK when it is another one's turn
 *
 * Return: descriptor that holds the turn until it is closed, or negative errno with a text.
 */
must_check int up_take_turn(const struct cli *cli, bool wait, struct error *err);

/**
 * up_check_config() - read the config file as the supervisor would
 * @ret_config: one reference
 *
 * Return: 0 or negative errno with a text.
 */
must_check int up_check_config(const struct cli *cli, struct config **ret_config,
			       struct error *err);
