/* SPDX-License-Identifier: MIT */
/*
 * events: what happened, without what was printed. The list ends with a number, and following goes
 * on behind that number: nothing falls between the two, whoever dies meanwhile.
 */
#include <stdio.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/text.h"
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/follow.h"
#include "cli/log-line.h"
#include "cli/names.h"
#include "cli/print.h"

#define EVENTS_DEFAULT 100

struct events_options {
	bool follow;
	uint64_t lines;
	bool json;
};

struct events_view {
	const struct cli *cli;
	bool json;
};

static int on_events(const json_t *events, void *userdata)
{
	const struct events_view *v = userdata;
	cleanup_text struct text out = {0};
	json_t *event;
	size_t i;

	json_array_foreach(events, i, event) {
		if (v->json && print_json_line(event) != CLI_DONE)
			return PRINT_GONE;
		if (!v->json)
			log_event_add(&out, event, &v->cli->out);
	}
	if (print_text(&out) != CLI_DONE)
		return -ENOMEM;
	(void)fflush(stdout);
	return ferror(stdout) ? PRINT_GONE : 0;
}

/* The events there are; a name that nobody bears is an error, not an empty list. */
static int fetch(struct supervisor *s, json_t *names, char *const *words, uint64_t limit,
		 json_t **ret_events, struct error *err)
{
	cleanup_json json_t *reply = NULL;
	int code = supervisor_ask(
		s, "io.slicekeep.supervisor.Events",
		json_pack("{s:I, s:O}", "limit", (json_int_t)limit, "names", names), &reply, err);

	if (code < 0)
		return code;
	*ret_events = json_incref(json_object_get(reply, "events"));
	if (json_array_size(*ret_events) > 0 || !words[0])
		return 0;
	return names_require(s, words, err);
}

static int events_show(struct cli *cli, const struct events_options *o, char *const *words)
{
	cleanup_supervisor struct supervisor s = {0};
	struct events_view view = {cli, o->json};
	struct follow f = {.cli = cli, .take = on_events, .userdata = &view};
	cleanup_json json_t *names = json_array();
	cleanup_json json_t *events = NULL;
	struct error err = {0};
	int code;

	for (char *const *word = words; *word; word++)
		if (json_array_append_new(names, json_string(*word)) < 0)
			return print_out_of_memory();
	code = supervisor_open(cli, &s, &err);
	if (code == 0)
		code = fetch(&s, names, words, o->lines, &events, &err);
	if (code == 0)
		code = on_events(events, &view);
	if (code == 0 && o->follow) {
		f.names = names;
		f.since = json_get_uint(json_array_get(events, json_array_size(events) - 1), "seq",
					0);
		code = follow_run(&f, &err);
	}
	if (code == PRINT_GONE)
		return CLI_DONE;
	return code < 0 ? command_fail(&err) : CLI_DONE;
}

static int events_run(struct cli *cli, char **argv)
{
	struct events_options o = {.lines = EVENTS_DEFAULT};
	struct options_rest rest;

	if (!command_options(cli, &command_events, argv, &o, &rest))
		return CLI_USAGE;
	return events_show(cli, &o, rest.words);
}

static const struct option_row events_rows[] = {
	{"follow", 'f', OPTION_FLAG, offsetof(struct events_options, follow), NULL,
	 "go on with what comes"},
	{"lines", 'n', OPTION_NUMBER, offsetof(struct events_options, lines), "N",
	 "the last N events (100)"},
	{"json", 0, OPTION_FLAG, offsetof(struct events_options, json), NULL,
	 "one JSON object a line, for programs"},
};

const struct command command_events = {
	.name = "events",
	.group = COMMAND_SEE,
	.synopsis = "[NAME…] [-f] [-n N] [--json]",
	.summary = "what happened: starts, exits, orders, config changes",
	.options = events_rows,
	.n_options = ARRAY_LEN(events_rows),
	.run = events_run,
};
