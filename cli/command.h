/* SPDX-License-Identifier: MIT */
#pragma once

#include "cli/options.h"
#include "cli/style.h"
#include "lib/base.h"
#include "lib/paths.h"

struct error;

/** enum cli_exit - what `slicekeep` exits with; the man page lists them */
enum cli_exit {
	CLI_DONE = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_NO_SERVICE = 3,
	CLI_UNREACHABLE = 4,
	CLI_FORBIDDEN = 5,
};

/**
 * struct cli - what every verb needs to know
 * @paths:  where everything lies
 * @system: "--system" was said
 * @guest:  we are not root, and mean the system's platform: we may steer it, but not start it
 * @hint:   how the person called us, for "type this next": "slicekeep" or "./run cli"
 * @out:    how stdout looks
 * @err:    how stderr looks
 */
struct cli {
	struct paths paths;
	bool system;
	bool guest;
	const char *hint;
	struct style out;
	struct style err;
};

/** enum command_group - under which title `help` lists a verb */
enum command_group {
	COMMAND_SEE,
	COMMAND_STEER,
	COMMAND_CONFIG,
	COMMAND_PLATFORM,
	COMMAND_HELP,
	COMMAND_GROUP_COUNT,
};

/**
 * struct command - one verb
 * @synopsis: what may follow the name
 * @summary:  one line
 * @details:  more, for `help VERB`; NULL when the summary says it all
 * @options:  @n_options rows that are read into @run's own struct
 * @run:      @argv is what follows the verb, NULL-terminated, and may be reordered; returns an
 *            enum cli_exit after everything was printed
 */
struct command {
	const char *name;
	enum command_group group;
	const char *synopsis;
	const char *summary;
	const char *details;
	const struct option_row *options;
	size_t n_options;
	int (*run)(struct cli *cli, char **argv);
};

extern const struct command command_ls, command_status, command_log, command_why, command_events;
extern const struct command command_top, command_metrics;
extern const struct command command_start, command_stop, command_restart, command_signal;
extern const struct command command_config, command_add, command_limits;
extern const struct command command_up, command_down, command_doctor, command_version;

/**
 * command_options() - read the options of a verb, and say on stderr what is wrong with them
 * @target:   struct of options that @c's rows point into
 * @ret_rest: the words that are no options
 *
 * Return: whether all is well; otherwise the verb returns CLI_USAGE.
 */
must_check bool command_options(const struct cli *cli, const struct command *c, char **argv,
				void *target, struct options_rest *ret_rest);

/** command_usage() - say on stderr what is wrong and how it goes; returns CLI_USAGE */
int command_usage(const struct cli *cli, const struct command *c, const char *fmt, ...)
	printf_like(3, 4);

/** command_fail() - print an error and return the exit code that belongs to it */
int command_fail(const struct error *err);

/** command_exit_of() - the exit code that belongs to an error */
enum cli_exit command_exit_of(const struct error *err);
