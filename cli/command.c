/* SPDX-License-Identifier: MIT */
/*
 * What is the same for every verb: its options, its complaints, its exit codes.
 *
 * An exit code is a promise to scripts, so it is derived in one place, from the name that an error
 * has on the wire, and no verb makes one up.
 */
#include "cli/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/error.h"
#include "lib/text.h"

bool command_options(const struct cli *cli, const struct command *c, char **argv, void *target,
		     struct options_rest *ret_rest)
{
	struct error err = {0};

	if (options_read(c->options, c->n_options, argv, target, ret_rest, &err) == 0)
		return true;
	(void)command_usage(cli, c, "%s", err.text);
	return false;
}

int command_usage(const struct cli *cli, const struct command *c, const char *fmt, ...)
{
	va_list ap;

	(void)fflush(stdout);
	(void)fputs("slicekeep: ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "\nusage: %s %s%s%s\n", cli->hint, c->name, c->synopsis[0] ? " " : "",
		      c->synopsis);
	return CLI_USAGE;
}

enum cli_exit command_exit_of(const struct error *err)
{
	if (text_ends(err->id, ".NoSuchService"))
		return CLI_NO_SERVICE;
	if (text_ends(err->id, ".PermissionDenied"))
		return CLI_FORBIDDEN;
	if (text_ends(err->id, ".BadPattern"))
		return CLI_USAGE;
	switch (err->code) {
	case -EACCES:
	case -EPERM:
		return CLI_FORBIDDEN;
	case -ENOENT:
	case -ECONNREFUSED:
	case -ECONNRESET:
	case -EPIPE:
	case -ENOTCONN:
	case -ETIMEDOUT:
		return CLI_UNREACHABLE;
	default:
		return CLI_FAILED;
	}
}

int command_fail(const struct error *err)
{
	bool refused = text_ends(err->id, ".PermissionDenied");

	(void)fflush(stdout);
	(void)fprintf(stderr, "slicekeep: %s%s\n", refused ? "not permitted: " : "", err->text);
	if (refused)
		(void)fprintf(stderr, "root may do everything; members of the group slicekeep may "
				      "look, start, stop and restart\n");
	return command_exit_of(err);
}
