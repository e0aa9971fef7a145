/* SPDX-License-Identifier: MIT */
/*
 * slicekeep: what a person types.
 *
 * Every verb is a row: name, group, options, one function. Nothing is loaded and nothing is asked
 * before the verb is known, because `ls` has to answer within two milliseconds.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/error.h"
#include "lib/text.h"
#include "cli/command.h"
#include "cli/complete.h"
#include "cli/help.h"
#include "cli/layout.h"

static int help_run(struct cli *cli, char **argv);

static const struct command command_help = {
	.name = "help",
	.group = COMMAND_HELP,
	.synopsis = "[VERB]",
	.summary = "all verbs, or one of them",
	.run = help_run,
};

static const struct command *const commands[] = {
	&command_ls,     &command_status,  &command_top,   &command_log,     &command_why,
	&command_events, &command_metrics, &command_start, &command_stop,    &command_restart,
	&command_signal, &command_limits,  &command_add,   &command_config,  &command_up,
	&command_down,   &command_doctor,  &command_help,  &command_version,
};

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	}
	return NULL;
}

static int unknown_verb(const struct cli *cli, const char *verb)
{
	const char *names[ARRAY_LEN(commands)];
	const char *near;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		names[i] = commands[i]->name;
	near = text_nearest(verb, names, ARRAY_LEN(names));
	(void)fprintf(stderr, "slicekeep: unknown verb \"%s\"", verb);
	if (near)
		(void)fprintf(stderr, ", did you mean \"%s\"?\n", near);
	else
		(void)fprintf(stderr, "; \"%s help\" lists them\n", cli->hint);
	return CLI_USAGE;
}

static int help_run(struct cli *cli, char **argv)
{
	const struct command *c;

	if (!argv[0]) {
		help_all(cli, commands, ARRAY_LEN(commands));
		return CLI_DONE;
	}
	c = command_find(argv[0]);
	if (!c)
		return unknown_verb(cli, argv[0]);
	help_one(cli, c);
	return CLI_DONE;
}

/* Behind "--" stand the options of somebody else's program. */
static bool asks_for_help(char *const *argv)
{
	for (; *argv && strcmp(*argv, "--") != 0; argv++) {
		if (strcmp(*argv, "--help") == 0 || strcmp(*argv, "-h") == 0)
			return true;
	}
	return false;
}

/* Help is given even to those whose environment is broken. */
static bool need_paths(struct cli *cli)
{
	struct error err = {0};

	if (layout_choose(cli, &err) == 0)
		return true;
	(void)fprintf(stderr, "slicekeep: %s\n", err.text);
	return false;
}

/* For the shell only; not in the help. */
static int complete(struct cli *cli, char *const *argv)
{
	if (strcmp(argv[0], "--complete-verbs") == 0)
		return complete_verbs(commands, ARRAY_LEN(commands));
	if (strcmp(argv[0], "--complete-options") == 0 && argv[1])
		return complete_options(command_find(argv[1]));
	return need_paths(cli) ? complete_names(cli) : CLI_FAILED;
}

static int dispatch(struct cli *cli, char **argv)
{
	const struct command *c;

	cli->system = argv[0] && strcmp(argv[0], "--system") == 0;
	argv += cli->system;
	if (!argv[0]) {
		help_all(cli, commands, ARRAY_LEN(commands));
		return CLI_USAGE;
	}
	if (strcmp(argv[0], "--version") == 0)
		return command_version.run(cli, argv + 1);
	if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)
		return command_help.run(cli, argv + 1);
	if (text_starts(argv[0], "--complete-"))
		return complete(cli, argv);
	c = command_find(argv[0]);
	if (!c)
		return unknown_verb(cli, argv[0]);
	if (asks_for_help(argv + 1)) {
		help_one(cli, c);
		return CLI_DONE;
	}
	if (c->group != COMMAND_HELP && !need_paths(cli))
		return CLI_FAILED;
	return c->run(cli, argv + 1);
}

/* A reader that goes away ends us, as it ends every other tool, whoever started us. */
static void reset_sigpipe(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL};

	(void)sigaction(SIGPIPE, &action, NULL);
}

static int finish(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	if (errno == EPIPE)
		return code;
	(void)fprintf(stderr, "slicekeep: cannot write the output: %s\n", strerror(errno));
	return code == CLI_DONE ? CLI_FAILED : code;
}

/* How the person calls us; what they type next should look the same. */
static const char *hint_of(const char *program)
{
	const char *hint = getenv("SLICEKEEP_CLI_HINT");

	if (hint && hint[0])
		return hint;
	return program && (strcmp(program, "cli") == 0 || text_ends(program, "/cli")) ? "cli"
										      : "slicekeep";
}

int main(int argc, char **argv)
{
	struct cli cli = {.hint = hint_of(argv[0])};
	int code;

	reset_sigpipe();
	cli.out = style_of(STDOUT_FILENO);
	cli.err = style_of(STDERR_FILENO);
	code = dispatch(&cli, argc > 0 ? argv + 1 : argv);
	paths_done(&cli.paths);
	return finish(code);
}
