/* SPDX-License-Identifier: MIT */
/*
 * top: what each service and slice uses, second by second, the busiest first.
 *
 * The supervisor sends one answer a second; nothing is asked twice and nothing is computed here. On
 * a terminal the table is redrawn in place, in a pipe the tables follow each other.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/text.h"
#include "lib/varlink/client.h"
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/names.h"
#include "cli/print.h"
#include "cli/usage-table.h"

struct top_options {
	uint64_t times;
	bool json;
};

static json_t *parameters_of(char *const *names)
{
	cleanup_json json_t *list = json_array();

	for (; names && *names; names++) {
		if (json_array_append_new(list, json_string(*names)) < 0)
			return NULL;
	}
	return json_pack("{s:O}", "names", list);
}

static int draw(const json_t *numbers, bool json)
{
	struct style style = style_of(STDOUT_FILENO);
	cleanup_text struct text out = {0};

	if (json)
		return print_json_line(numbers);
	text_add(&out, style.terminal ? "\x1b[H\x1b[J" : "");
	if (usage_table(numbers, &style, &out) < 0)
		return print_out_of_memory();
	text_add(&out, style.terminal ? "" : "\n");
	(void)print_text(&out);
	(void)fflush(stdout);
	return ferror(stdout) ? CLI_FAILED : CLI_DONE;
}

/* One connection's worth of watching. Return: 0 when all was shown that was asked for. */
static int watch(struct supervisor *s, char *const *names, struct top_options *o, struct error *err)
{
	int code = varlink_client_begin(s->client, "io.slicekeep.supervisor.Numbers",
					parameters_of(names), err);

	while (code >= 0) {
		cleanup_json json_t *reply = NULL;

		code = varlink_client_next(s->client, USEC_INFINITY, &reply, err);
		if (code < 0)
			break;
		if (draw(json_object_get(reply, "numbers"), o->json) != CLI_DONE)
			return error_set(err, -EIO, "cannot print");
		if (o->times > 0 && --o->times == 0)
			return 0;
		if (code == 0)
			return error_set(err, -ECONNRESET, "the supervisor has ended");
	}
	return code;
}

static int top_run(struct cli *cli, char **argv)
{
	cleanup_supervisor struct supervisor s = {0};
	struct top_options o = {0};
	struct options_rest rest;
	struct error err = {0};
	int code;

	if (!command_options(cli, &command_top, argv, &o, &rest))
		return CLI_USAGE;
	code = supervisor_open(cli, &s, &err);
	if (code == 0)
		code = names_require(&s, rest.words, &err);
	while (code == 0) {
		code = watch(&s, rest.words, &o, &err);
		if (code == 0)
			return CLI_DONE;
		if (supervisor_broke(code))
			code = supervisor_reopen(&s, &err);
	}
	return command_fail(&err);
}

static const struct option_row top_rows[] = {
	{"times", 'n', OPTION_NUMBER, offsetof(struct top_options, times), "N",
	 "show so many seconds, then end"},
	{"json", 0, OPTION_FLAG, offsetof(struct top_options, json), NULL,
	 "one array a second, for programs"},
};

const struct command command_top = {
	.name = "top",
	.group = COMMAND_SEE,
	.synopsis = "[-n N] [--json] [NAME…]",
	.summary = "what services and slices use, each second",
	.details =
		"  CPU is of one CPU; HELD: how much of the time a cpu_quota kept it waiting;\n"
		"  READ and WRITE: of disks, in a second; WAITS: how much of the time some of it\n"
		"  waited for CPU, memory and disk. \"-\": nobody can tell (see \"doctor\").\n",
	.options = top_rows,
	.n_options = ARRAY_LEN(top_rows),
	.run = top_run,
};
