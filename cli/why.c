/* SPDX-License-Identifier: MIT */
/*
 * why: what happened to a service, with the evidence: the report of its last exit, the last lines
 * that it printed before it, and what came before that.
 */
#include <stdio.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/text.h"
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/log-line.h"
#include "cli/log-source.h"
#include "cli/names.h"
#include "cli/print.h"
#include "cli/why-words.h"

#define LAST_LINES 10
/** From the end of a process to the time stamp of its last line, with much to spare. */
#define COLLECTED_USEC USEC_PER_SEC
/** … for one whose lines waited in the pipe, because the collector was away or the disk full. */
#define COLLECTED_LATE_USEC USEC_PER_MINUTE

struct why_options {
	bool json;
};

/* Each member is a new reference; @service is NULL when it is not in the config any more. */
struct why {
	const char *name;
	json_t *service;
	json_t *exits;
	json_t *lines;
};

static void why_done(struct why *w)
{
	json_decref(w->service);
	json_decref(w->exits);
	json_decref(w->lines);
}

static int ask_service(struct supervisor *s, struct why *w, struct error *err)
{
	cleanup_json json_t *reply = NULL;
	int code = supervisor_ask(s, "io.slicekeep.supervisor.List",
				  json_pack("{s:[s]}", "names", w->name), &reply, err);

	if (code == 0)
		w->service = json_incref(json_array_get(json_object_get(reply, "services"), 0));
	return code;
}

static int ask_exits(struct supervisor *s, struct why *w, struct error *err)
{
	cleanup_json json_t *reply = NULL;
	int code = supervisor_ask(s, "io.slicekeep.supervisor.Exits",
				  json_pack("{s:s, s:i}", "name", w->name, "limit", WHY_EXITS_MAX),
				  &reply, err);

	if (code == 0)
		w->exits = json_incref(json_object_get(reply, "exits"));
	return code;
}

/* The lines of the life that ended; what a later life printed is not evidence. */
static json_t *lines_of(const struct cli *cli, const struct why *w)
{
	const json_t *exit = json_array_get(w->exits, 0);
	struct log_tail tail = {
		.name = w->name,
		.life = json_get_uint(exit, "life", 0),
		.n = LAST_LINES,
	};

	if (exit) {
		usec_t at_usec = json_get_uint(exit, "at_usec", 0);

		tail.until_at_usec = at_usec + COLLECTED_LATE_USEC;
		tail.fresh = clock_at_usec() < at_usec + COLLECTED_USEC;
	}
	return log_source_tail(cli, &tail);
}

static void add_lines(struct text *out, const json_t *lines, const struct style *style)
{
	json_t *line;
	size_t i;

	if (json_array_size(lines) == 0)
		return;
	text_add(out, "  last lines\n");
	json_array_foreach(lines, i, line) {
		text_add(out, "    ");
		log_line_add(out, line, style);
	}
}

static int print_words(const struct cli *cli, const struct why *w)
{
	const json_t *exit = json_array_get(w->exits, 0);
	usec_t now_at_usec = clock_at_usec();
	cleanup_text struct text out = {0};

	why_head(&out, w->name, w->service, w->exits, now_at_usec, &cli->out);
	if (exit)
		why_evidence(&out, exit, now_at_usec);
	add_lines(&out, w->lines, &cli->out);
	why_earlier(&out, w->exits, now_at_usec);
	return print_text(&out);
}

static int print_object(const struct why *w)
{
	cleanup_json json_t *object = json_pack("{s:s, s:O?, s:O, s:O}", "name", w->name, "service",
						w->service, "exits", w->exits, "lines", w->lines);

	return print_json(object);
}

static int why_run(struct cli *cli, char **argv)
{
	cleanup_supervisor struct supervisor s = {0};
	cleanup(why_done) struct why w = {0};
	struct why_options o = {0};
	struct options_rest rest;
	struct error err = {0};
	int code;

	if (!command_options(cli, &command_why, argv, &o, &rest))
		return CLI_USAGE;
	if (rest.n_words != 1)
		return command_usage(cli, &command_why, "one name is needed");
	w.name = rest.words[0];
	code = supervisor_open(cli, &s, &err);
	if (code == 0)
		code = ask_exits(&s, &w, &err);
	if (code == 0)
		code = ask_service(&s, &w, &err);
	if (code < 0) {
		names_suggest(&s, rest.words, &err);
		return command_fail(&err);
	}
	w.lines = lines_of(cli, &w);
	if (!w.lines)
		return print_out_of_memory();
	return o.json ? print_object(&w) : print_words(cli, &w);
}

static const struct option_row why_rows[] = {
	{"json", 0, OPTION_FLAG, offsetof(struct why_options, json), NULL,
	 "service, exits and last lines as an object, for programs"},
};

const struct command command_why = {
	.name = "why",
	.group = COMMAND_SEE,
	.synopsis = "NAME [--json]",
	.summary = "why a service is as it is, with the evidence",
	.options = why_rows,
	.n_options = ARRAY_LEN(why_rows),
	.run = why_run,
};
