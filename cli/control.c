/* SPDX-License-Identifier: MIT */
/*
 * start, stop, restart, signal.
 *
 * start and restart tell the truth about the outcome: they return when the services are ready, or
 * say why one is not, with the last lines that it printed.
 *
 * Our own daemons have names too. "ci" stands for the platform, as in adabru-server: `start ci`
 * with nothing running is `up`, `restart ci` renews our daemons while the services run on.
 */
#include "cli/control.h"

#include <stdio.h>
#include <string.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/text.h"
#include "lib/varlink/client.h"
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/log-line.h"
#include "cli/log-source.h"
#include "cli/names.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "cli/renew.h"
#include "cli/up.h"

#define LAST_LINES 10

struct control_options {
	bool all;
	bool json;
};

static json_t *names_of(char *const *words)
{
	cleanup_json json_t *names = json_array();

	for (; *words; words++) {
		if (json_array_append_new(names, json_string(*words)) < 0)
			return NULL;
	}
	return steal_ptr(names);
}

static void print_last_lines(const struct cli *cli, const char *name)
{
	struct log_tail tail = {.name = name, .n = LAST_LINES, .fresh = true};
	cleanup_json json_t *lines = log_source_tail(cli, &tail);
	cleanup_text struct text out = {0};
	json_t *line;
	size_t i;

	json_array_foreach(lines, i, line) {
		text_add(&out, "  ");
		log_line_add(&out, line, &cli->err);
	}
	if (out.len > 0 && !out.failed)
		(void)fwrite(out.data, 1, out.len, stderr);
}

static void explain_failures(const struct cli *cli, const struct progress *p)
{
	const char *name;
	json_t *row;

	(void)fflush(stdout);
	json_object_foreach(p->rows, name, row) {
		const char *text = json_get_string(row, "text");

		if (json_get_bool(row, "ok", true) || !json_get_bool(row, "done", false))
			continue;
		(void)fprintf(stderr, "slicekeep: %s: %s\n", name,
			      text && text[0] ? text : json_get_string(row, "state"));
		print_last_lines(cli, name);
	}
}

static int control_act(struct supervisor *s, const char *method, char *const *words, bool json)
{
	cleanup_json json_t *names = names_of(words);
	cleanup(progress_done) struct progress p = {0};
	struct error err = {0};
	int code;

	if (!names || progress_init(&p, &s->cli->out, json) < 0)
		return print_out_of_memory();
	code = progress_run(&p, s, method, names, &err);
	if (code < 0) {
		names_suggest(s, words, &err);
		return command_fail(&err);
	}
	if (json)
		(void)progress_print_json(&p);
	if (progress_failures(&p) == 0)
		return CLI_DONE;
	explain_failures(s->cli, &p);
	return CLI_FAILED;
}

/* Takes a word out of the list; whether it was there. */
static bool take_word(struct options_rest *rest, const char *word)
{
	for (size_t i = 0; i < rest->n_words; i++) {
		if (strcmp(rest->words[i], word) != 0)
			continue;
		memmove(&rest->words[i], &rest->words[i + 1],
			(rest->n_words - i) * sizeof(rest->words[0]));
		rest->n_words--;
		return true;
	}
	return false;
}

static bool read_control(const struct cli *cli, const struct command *c, char **argv,
			 struct control_options *o, struct options_rest *rest)
{
	if (!command_options(cli, c, argv, o, rest))
		return false;
	if (o->all && rest->n_words > 0) {
		(void)command_usage(cli, c, "\"--all\" and names do not go together");
		return false;
	}
	return true;
}

static int control_named(struct cli *cli, const char *method, char *const *names, bool json)
{
	cleanup_supervisor struct supervisor s = {0};
	struct error err = {0};

	if (supervisor_open(cli, &s, &err) < 0)
		return command_fail(&err);
	return control_act(&s, method, names, json);
}

int control_start(struct cli *cli, char **names, bool json)
{
	return control_named(cli, "io.slicekeep.supervisor.Start", names, json);
}

static int start_run(struct cli *cli, char **argv)
{
	struct control_options o = {0};
	struct options_rest rest;
	bool platform;

	if (!read_control(cli, &command_start, argv, &o, &rest))
		return CLI_USAGE;
	/* The platform itself: it either runs, or this starts it. */
	platform = take_word(&rest, "ci");
	platform = take_word(&rest, "supervisor") || platform;
	if (rest.n_words == 0 && !o.all)
		return up_in_background(cli, NULL, o.json);
	if (platform) {
		int code = up_in_background(cli, NULL, false);

		if (code != CLI_DONE)
			return code;
	}
	return control_named(cli, "io.slicekeep.supervisor.Start", rest.words, o.json);
}

static int stop_run(struct cli *cli, char **argv)
{
	struct control_options o = {0};
	struct options_rest rest;

	if (!read_control(cli, &command_stop, argv, &o, &rest))
		return CLI_USAGE;
	if (rest.n_words == 0 && !o.all)
		return command_usage(cli, &command_stop,
				     "which services? Name them, or say \"--all\"");
	if (take_word(&rest, "supervisor"))
		return command_usage(cli, &command_stop,
				     "the supervisor stops last, with everything: \"%s down\"",
				     cli->hint);
	if (take_word(&rest, "ci")) {
		(void)fprintf(stderr, "slicekeep: ci is not in this build yet: there are no "
				      "webhooks to stop; services run on\n");
		return CLI_FAILED;
	}
	return control_named(cli, "io.slicekeep.supervisor.Stop", rest.words, o.json);
}

static int restart_run(struct cli *cli, char **argv)
{
	struct control_options o = {0};
	struct options_rest rest;
	int code = CLI_DONE;

	if (!read_control(cli, &command_restart, argv, &o, &rest))
		return CLI_USAGE;
	if (rest.n_words == 0 && !o.all)
		return command_usage(cli, &command_restart,
				     "which services? Name them, or say \"--all\"");
	if (take_word(&rest, "ci"))
		code = renew_platform(cli);
	if (code == CLI_DONE && take_word(&rest, "supervisor"))
		code = renew_supervisor(cli);
	if (code != CLI_DONE || (rest.n_words == 0 && !o.all))
		return code;
	return control_named(cli, "io.slicekeep.supervisor.Restart", rest.words, o.json);
}

/* "hup" and "SIGHUP" are the same; what is neither is refused by the supervisor, with examples. */
static char *signal_word(const char *s)
{
	cleanup_text struct text word = {0};

	for (; *s; s++)
		text_addf(&word, "%c", *s >= 'a' && *s <= 'z' ? *s - 'a' + 'A' : *s);
	return text_take(&word);
}

static int signal_run(struct cli *cli, char **argv)
{
	cleanup_supervisor struct supervisor s = {0};
	cleanup_free char *word = NULL;
	cleanup_json json_t *reply = NULL;
	struct options_rest rest;
	struct error err = {0};
	json_t *parameters;
	int code;

	if (!command_options(cli, &command_signal, argv, NULL, &rest))
		return CLI_USAGE;
	if (rest.n_words != 2)
		return command_usage(cli, &command_signal, "one name and one signal are needed");
	word = signal_word(rest.words[1]);
	if (!word)
		return print_out_of_memory();
	parameters = json_pack("{s:s, s:s}", "name", rest.words[0], "signal", word);
	rest.words[1] = NULL; /* what is left are names, for "did you mean" */
	code = supervisor_open(cli, &s, &err);
	if (code == 0)
		/* Not asked twice: a signal that arrives twice may do twice as much. */
		code = varlink_client_call(s.client, "io.slicekeep.supervisor.Signal",
					   steal_ptr(parameters), USEC_INFINITY, &reply, &err);
	json_decref(parameters);
	if (code == 0)
		return CLI_DONE;
	names_suggest(&s, rest.words, &err);
	return command_fail(&err);
}

static const struct option_row control_rows[] = {
	{"all", 0, OPTION_FLAG, offsetof(struct control_options, all), NULL, "every service"},
	{"json", 0, OPTION_FLAG, offsetof(struct control_options, json), NULL,
	 "an array of outcomes, for programs"},
};

const struct command command_start = {
	.name = "start",
	.group = COMMAND_STEER,
	.synopsis = "NAME…|--all [--json]",
	.summary = "start services, and wait until they are ready",
	.details = "They stay started across reboots. Without a name, and with nothing running,\n"
		   "this is \"up\".",
	.options = control_rows,
	.n_options = ARRAY_LEN(control_rows),
	.run = start_run,
};

const struct command command_stop = {
	.name = "stop",
	.group = COMMAND_STEER,
	.synopsis = "NAME…|--all [--json]",
	.summary = "stop services with every process of theirs",
	.details = "They stay stopped, across reboots too, until they are started.",
	.options = control_rows,
	.n_options = ARRAY_LEN(control_rows),
	.run = stop_run,
};

const struct command command_restart = {
	.name = "restart",
	.group = COMMAND_STEER,
	.synopsis = "NAME…|--all [--json]",
	.summary = "stop and start services, and wait until they are ready",
	.details = "\"restart ci\" renews slicekeep's own daemons while the services run on.",
	.options = control_rows,
	.n_options = ARRAY_LEN(control_rows),
	.run = restart_run,
};

const struct command command_signal = {
	.name = "signal",
	.group = COMMAND_STEER,
	.synopsis = "NAME SIGNAL",
	.summary = "send a signal to the main process of a service",
	.run = signal_run,
};
