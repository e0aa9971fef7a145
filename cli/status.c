/* SPDX-License-Identifier: MIT */
/*
 * status: the platform itself in a few lines; version: which one this is.
 */
#include <inttypes.h>
#include <stdio.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/text.h"
#include "lib/units.h"
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/print.h"
#include "cli/service-table.h"
#include "cli/words.h"

struct status_options {
	bool json;
};

static void add_line(struct text *out, const json_t *status, const char *key)
{
	const char *value = json_get_string(status, key);

	text_addf(out, "%-12s", key);
	text_add(out, value ? value : "-");
}

static void describe(const json_t *status, usec_t now_at_usec, struct text *out)
{
	usec_t started_usec = json_get_uint(status, "started_at_usec", now_at_usec);
	char up[WORDS_MAX], size[UNITS_TEXT_MAX];

	add_line(out, status, "version");
	text_addf(out, "\n%-12spid %" PRIu64 ", up %s\n", "supervisor",
		  json_get_uint(status, "pid", 0),
		  words_duration(usec_sub(now_at_usec, started_usec), up));
	add_line(out, status, "launcher");
	text_add(out, "\n");
	add_line(out, status, "layout");
	text_add(out, "\n");
	add_line(out, status, "config");
	text_addf(out, ", revision %" PRIu64 "\n", json_get_uint(status, "revision", 0));
	text_addf(out, "%-12s%" PRIu64 "\n", "services", json_get_uint(status, "services", 0));
	text_addf(out, "%-12s%" PRIu64 ", and %" PRIu64 " keepers\n", "daemons",
		  json_get_uint(status, "processes", 0), json_get_uint(status, "keepers", 0));
	if (json_object_get(status, "pss_bytes"))
		text_addf(out, "%-12s%s\n", "memory",
			  size_format(json_get_uint(status, "pss_bytes", 0), size));
	service_footer(status, false, out);
}

static int status_run(struct cli *cli, char **argv)
{
	cleanup_supervisor struct supervisor s = {0};
	cleanup_json json_t *status = NULL;
	cleanup_text struct text out = {0};
	struct status_options o = {0};
	struct options_rest rest;
	struct error err = {0};
	int code;

	if (!command_options(cli, &command_status, argv, &o, &rest))
		return CLI_USAGE;
	if (rest.n_words > 0)
		return command_usage(cli, &command_status, "one service is shown by \"ls %s\"",
				     rest.words[0]);
	code = supervisor_open(cli, &s, &err);
	if (code == 0)
		code = supervisor_ask(&s, "io.slicekeep.supervisor.Status",
				      json_pack("{s:b}", "count", 1), &status, &err);
	if (code < 0)
		return command_fail(&err);
	if (o.json)
		return print_json(status);
	describe(status, clock_at_usec(), &out);
	return print_text(&out);
}

static int version_run(struct cli *cli, char **argv)
{
	struct status_options o = {0};
	struct options_rest rest;

	if (!command_options(cli, &command_version, argv, &o, &rest))
		return CLI_USAGE;
	if (o.json) {
		cleanup_json json_t *version = json_pack("{s:s}", "version", SLICEKEEP_VERSION);

		return print_json(version);
	}
	(void)printf("slicekeep %s\n", SLICEKEEP_VERSION);
	return CLI_DONE;
}

static const struct option_row status_rows[] = {
	{"json", 0, OPTION_FLAG, offsetof(struct status_options, json), NULL,
	 "an object, for programs"},
};

const struct command command_status = {
	.name = "status",
	.group = COMMAND_SEE,
	.synopsis = "[--json]",
	.summary = "the platform itself: version, config, launcher, memory",
	.options = status_rows,
	.n_options = ARRAY_LEN(status_rows),
	.run = status_run,
};

const struct command command_version = {
	.name = "version",
	.group = COMMAND_HELP,
	.synopsis = "[--json]",
	.summary = "which slicekeep this is",
	.options = status_rows,
	.n_options = ARRAY_LEN(status_rows),
	.run = version_run,
};
