/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "supervisor/keeper/spec.h"

/** enum options_unit - which process of a systemd unit this is */
enum options_unit {
	OPTIONS_UNIT_NONE,
	OPTIONS_UNIT_MAIN,    /* --unit: its main process */
	OPTIONS_UNIT_STOP,    /* --unit-stop: its ExecStop= */
	OPTIONS_UNIT_STOPPED, /* --unit-stopped: its ExecStopPost= */
};

/**
 * struct options - the command line
 * @spec:       what is to run, without --spec
 * @argv:       all of it
 * @spec_path:  --spec
 * @control_fd: a bound control socket, -1
 * @control:    where to bind one, NULL
 * @resume_fd:  state of the program that this one replaces, -1
 * @is_oneshot: run once and exit with the program's code
 * @unit:       what this process is to a unit of systemd
 * @is_relaying: what the program says is passed on to our own service manager
 */
struct options {
	struct spec spec;
	enum options_unit unit;
	char **argv;
	const char *spec_path;
	const char *control;
	int control_fd;
	int resume_fd;
	bool is_starting;
	bool is_oneshot;
	bool is_relaying;
	bool is_help;
	bool is_version;
};

/**
 * options_parse() - read the command line
 * @argv:       NULL-terminated; what is kept points into it
 * @env:        environment of the keeper, for the payload
 * @ret_fault:  what is wrong, for a person
 *
 * Return: 0 or -EINVAL, -E2BIG.
 */
must_check int options_parse(char **argv, char **env, struct options *ret_options,
			     struct spec_fault *ret_fault);

/** options_help() - the text of --help */
const char *options_help(void);
