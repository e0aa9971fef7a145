/* SPDX-License-Identifier: MIT */
/*
 * add: the shortest way from a program to a service.
 *
 * It writes into the config what the person would have written, and starts it. What is typed is
 * seen from the folder in which it is typed; what the file holds is absolute, so that it means the
 * same tomorrow.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/error.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"
#include "lib/units.h"
#include "cli/command.h"
#include "cli/config-file.h"
#include "cli/control.h"
#include "config/edit.h"
#include "cli/print.h"

#define PORT_MAX 65535

struct add_options {
	const char *cwd;
	uint64_t port;
	const char *memory_max;
	const char *user;
	bool json;
};

static char *absolute(const char *path)
{
	cleanup_free char *here = getcwd(NULL, 0);

	return here ? file_path_join(here, path) : NULL;
}

/* A program with a slash is seen from here; one without is looked for in PATH when it starts. */
static json_t *command_of(const char *program)
{
	cleanup_free char *path = strchr(program, '/') ? absolute(program) : strdup(program);

	return path ? json_string(path) : NULL;
}

static json_t *args_of(char *const *words)
{
	cleanup_json json_t *args = json_array();

	for (; *words; words++) {
		if (json_array_append_new(args, json_string(*words)) < 0)
			return NULL;
	}
	return steal_ptr(args);
}

static int put(json_t *process, const char *key, json_t *value)
{
	return json_object_set_new(process, key, value);
}

static json_t *process_of(const struct add_options *o, char *const *program)
{
	cleanup_json json_t *process = json_object();
	cleanup_free char *cwd = absolute(o->cwd ? o->cwd : ".");
	char port[24];
	int bad = 0;

	if (!cwd)
		return NULL;
	bad |= put(process, "command", command_of(program[0]));
	if (program[1])
		bad |= put(process, "args", args_of(program + 1));
	bad |= put(process, "cwd", json_string(cwd));
	if (o->user)
		bad |= put(process, "user", json_string(o->user));
	if (o->port > 0) {
		(void)snprintf(port, sizeof(port), "%" PRIu64, o->port);
		bad |= put(process, "env", json_pack("{s:s}", "PORT", port));
		bad |= put(process, "ports", json_pack("[i]", (int)o->port));
	}
	if (o->memory_max)
		bad |= put(process, "limits", json_pack("{s:s}", "memory_max", o->memory_max));
	return bad ? NULL : steal_ptr(process);
}

static bool arguments_fit(const struct cli *cli, const struct add_options *o,
			  const struct options_rest *rest)
{
	uint64_t bytes;

	if (rest->n_words != 1 || !rest->tail || !rest->tail[0]) {
		(void)command_usage(cli, &command_add,
				    "a name and, behind \"--\", a program are needed");
		return false;
	}
	if (!text_name_valid(rest->words[0])) {
		(void)command_usage(cli, &command_add,
				    "\"%s\" cannot be a name: a-z, 0-9, - and _, 48 at most",
				    rest->words[0]);
		return false;
	}
	if (o->port > PORT_MAX) {
		(void)command_usage(cli, &command_add, "\"--port %" PRIu64 "\" is no port",
				    o->port);
		return false;
	}
	if (o->memory_max && size_parse(o->memory_max, &bytes) < 0) {
		(void)command_usage(cli, &command_add, "\"--memory-max %s\" is no size: 256M, 1G",
				    o->memory_max);
		return false;
	}
	return true;
}

static int add_to_config(struct cli *cli, const char *name, json_t *process, json_t **ret_reply,
			 struct error *err)
{
	cleanup_json json_t *kept = process;
	cleanup_json json_t *root = NULL;
	cleanup_free char *text = NULL;
	char why[96];
	int code = config_file_root(cli, &root, err);

	if (code < 0)
		return code;
	if (edit_find(root, name))
		return error_set(err, -EEXIST,
				 "\"%s\" is in the config already; \"%s config %s update JSON\" "
				 "changes it",
				 name, cli->hint, name);
	if (!kept || edit_set(root, name, json_incref(kept)) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	text = edit_text(root);
	if (!text)
		return error_set(err, -ENOMEM, "out of memory");
	(void)snprintf(why, sizeof(why), "add %s", name);
	return config_file_apply(cli, text, why, ret_reply, err);
}

static int add_run(struct cli *cli, char **argv)
{
	struct add_options o = {0};
	struct options_rest rest;
	cleanup_json json_t *reply = NULL;
	struct error err = {0};

	if (!command_options(cli, &command_add, argv, &o, &rest) || !arguments_fit(cli, &o, &rest))
		return CLI_USAGE;
	if (add_to_config(cli, rest.words[0], process_of(&o, rest.tail), &reply, &err) < 0)
		return command_fail(&err);
	return reply ? control_start(cli, rest.words, o.json) : CLI_DONE;
}

static const struct option_row add_rows[] = {
	{"cwd", 0, OPTION_TEXT, offsetof(struct add_options, cwd), "D",
	 "the folder that it runs in (this one)"},
	{"port", 0, OPTION_NUMBER, offsetof(struct add_options, port), "N",
	 "the port that it listens on; it finds it in $PORT"},
	{"memory-max", 0, OPTION_TEXT, offsetof(struct add_options, memory_max), "S",
	 "its memory cap: 256M, 1G"},
	{"user", 0, OPTION_TEXT, offsetof(struct add_options, user), "U",
	 "who it runs as (the owner of its folder)"},
	{"json", 0, OPTION_FLAG, offsetof(struct add_options, json), NULL,
	 "an array of outcomes, for programs"},
};

const struct command command_add = {
	.name = "add",
	.group = COMMAND_CONFIG,
	.synopsis = "NAME [--cwd D] [--port N] [--memory-max S] [--user U] -- PROGRAM ARGS…",
	.summary = "make a program a service",
	.options = add_rows,
	.n_options = ARRAY_LEN(add_rows),
	.run = add_run,
};
