/* SPDX-License-Identifier: MIT */
/*
 * What the shell asks at each press of the tab key. It must be quick and must never put an error
 * message into the middle of a command line.
 */
#include "cli/complete.h"

#include <stdio.h>

#include "lib/error.h"
#include "lib/json.h"
#include "cli/command.h"
#include "cli/connect.h"

int complete_names(struct cli *cli)
{
	cleanup_supervisor struct supervisor s = {0};
	cleanup_json json_t *reply = NULL;
	struct error err = {0};
	json_t *service;
	size_t i;

	if (supervisor_try(cli, &s, &err) < 0)
		return CLI_UNREACHABLE;
	if (supervisor_ask(&s, "io.slicekeep.supervisor.List", NULL, &reply, &err) < 0)
		return command_exit_of(&err);
	json_array_foreach(json_object_get(reply, "services"), i, service) {
		const char *name = json_get_string(service, "name");

		if (name)
			(void)puts(name);
	}
	return CLI_DONE;
}

int complete_verbs(const struct command *const *commands, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)puts(commands[i]->name);
	return CLI_DONE;
}

int complete_options(const struct command *c)
{
	for (size_t i = 0; c && i < c->n_options; i++)
		(void)printf("--%s\n", c->options[i].name);
	return CLI_DONE;
}
