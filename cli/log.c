/* SPDX-License-Identifier: MIT */
/*
 * log: what services printed, and what happened to them in between.
 *
 * The lines come from the collector or from the segments, the events from the supervisor if there
 * is one: reading what is stored must not depend on anything that runs.
 */
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/meaning.h"
#include "lib/text.h"
#include "cli/command.h"
#include "cli/config-file.h"
#include "cli/connect.h"
#include "config/edit.h"
#include "cli/follow.h"
#include "cli/log-print.h"
#include "cli/log-source.h"
#include "cli/pager.h"
#include "cli/names.h"
#include "cli/print.h"

/** Lines that are shown when the person gave no bound of their own. */
#define TAIL_PIPE 100
#define TAIL_PAGER 10000
#define TAIL_FOLLOW 10
/** Events that may stand between them. */
#define EVENTS_LIMIT 1000

struct log_options {
	bool follow;
	uint64_t lines;
	const char *since;
	const char *until;
	const char *grep;
	const char *stream;
	const char *level;
	bool fixed;
	bool all;
	bool json;
};

/**
 * struct log_view - one run of the verb
 * @names:  services, array; empty means all
 * @filter: type Filter
 * @until_usec: events after this are not shown
 */
struct log_view {
	const struct cli *cli;
	struct log_source source;
	const struct log_options *options;
	json_t *names;
	json_t *filter;
	usec_t until_usec;
	uint64_t last_event;
	struct log_print print;
};

static void view_done(struct log_view *v)
{
	log_print_done(&v->print);
	json_decref(v->names);
	json_decref(v->filter);
}

/* Events are hidden where somebody asked for certain lines. */
static bool shows_events(const struct log_options *o)
{
	return !o->grep && !o->stream && !o->level && !o->json;
}

static int put(json_t *filter, const char *key, json_t *value)
{
	return json_object_set_new(filter, key, value);
}

static int put_time(struct log_view *v, const char *key, const char *option, const char *s,
		    usec_t *ret_at_usec)
{
	usec_t at_usec;

	if (!s)
		return 0;
	if (clock_parse(s, clock_at_usec(), &at_usec) < 0)
		return command_usage(v->cli, &command_log,
				     "\"--%s %s\" is no time: 10:30, yesterday, \"2h ago\", "
				     "2026-11-21, \"2026-11-21 10:30\"",
				     option, s);
	*ret_at_usec = at_usec;
	return put(v->filter, key, json_integer((json_int_t)at_usec)) < 0 ? print_out_of_memory()
									  : 0;
}

static uint64_t tail_of(const struct log_view *v)
{
	const struct log_options *o = v->options;

	if (o->lines != UINT64_MAX)
		return o->lines;
	if (o->since || o->until || o->grep || o->level)
		return UINT64_MAX; /* all */
	if (o->follow)
		return TAIL_FOLLOW;
	return v->print.style.terminal && !o->json ? TAIL_PAGER : TAIL_PIPE;
}

static int put_stream(struct log_view *v)
{
	const char *stream = v->options->stream;

	if (!stream)
		return 0;
	if (strcmp(stream, "out") != 0 && strcmp(stream, "err") != 0)
		return command_usage(v->cli, &command_log, "\"--stream %s\": out or err", stream);
	/* What a service prints through one pipe for both belongs to each of them. */
	return put(v->filter, "streams", json_pack("[s, s]", stream, "both")) < 0
		       ? print_out_of_memory()
		       : 0;
}

static int put_level(struct log_view *v)
{
	const char *level = v->options->level;

	if (!level)
		return 0;
	if (severity_parse(level, strlen(level)) == SEVERITY_UNKNOWN)
		return command_usage(v->cli, &command_log,
				     "\"--level %s\": error, warning, notice, info or debug",
				     level);
	return put(v->filter, "level", json_string(level)) < 0 ? print_out_of_memory() : 0;
}

/* Return: 0, or the exit code after the complaint was printed. */
static int make_filter(struct log_view *v, char *const *words)
{
	uint64_t tail = tail_of(v);
	int bad = 0;
	int code;

	v->names = json_array();
	for (; *words; words++)
		bad |= json_array_append_new(v->names, json_string(*words));
	v->filter = json_pack("{s:O}", "names", v->names);
	if (!v->filter || bad)
		return print_out_of_memory();
	if (tail != UINT64_MAX)
		bad |= put(v->filter, "tail", json_integer((json_int_t)MIN_OF(tail, INT64_MAX)));
	if (v->options->grep)
		bad |= put(v->filter, "grep", json_string(v->options->grep)) |
		       put(v->filter, "fixed", json_boolean(v->options->fixed));
	if (bad)
		return command_usage(v->cli, &command_log, "the pattern is no UTF-8");
	code = put_time(v, "since_at_usec", "since", v->options->since, &v->print.from_usec);
	if (code == 0)
		code = put_time(v, "until_at_usec", "until", v->options->until, &v->until_usec);
	if (code == 0)
		code = put_stream(v);
	return code == 0 ? put_level(v) : code;
}

static int out(struct text *t)
{
	int code = print_text(t);

	(void)fflush(stdout);
	return code != CLI_DONE || ferror(stdout) ? -EPIPE : 0;
}

static int on_lines(const json_t *lines, void *userdata)
{
	struct log_view *v = userdata;
	cleanup_text struct text t = {0};

	log_print_lines(&v->print, lines, &t);
	return out(&t);
}

static int keep_lines(const json_t *lines, void *userdata)
{
	return json_array_extend(userdata, (json_t *)lines) < 0 ? -ENOMEM : 0;
}

/*
 * A tail that is shorter than was asked for is all that there is: then what happened before the
 * first line belongs to the story too, most of all that the service was started.
 */
static int read_tail(struct log_view *v, struct error *err)
{
	cleanup_json json_t *lines = json_array();
	int code = log_source_read(&v->source, v->filter, keep_lines, lines, err);

	if (code < 0)
		return code;
	if (v->print.from_usec == USEC_INFINITY && json_array_size(lines) < tail_of(v))
		v->print.from_usec = 0;
	return on_lines(lines, v);
}

static int read_lines(struct log_view *v, struct error *err)
{
	if (shows_events(v->options) && tail_of(v) <= TAIL_PAGER)
		return read_tail(v, err);
	return log_source_read(&v->source, v->filter, on_lines, v, err);
}

static int on_events(const json_t *events, void *userdata)
{
	struct log_view *v = userdata;
	cleanup_text struct text t = {0};

	if (log_print_add_events(&v->print, events) < 0)
		return -ENOMEM;
	log_print_events(&v->print, USEC_INFINITY, &t);
	return out(&t);
}

/* A supervisor that is not there has no events to add, and is no reason to show no lines. */
static void fetch_events(struct log_view *v)
{
	cleanup_supervisor struct supervisor s = {0};
	cleanup_json json_t *reply = NULL;
	struct error ignored = {0};
	const json_t *events;

	if (!shows_events(v->options) || supervisor_try(v->cli, &s, &ignored) < 0)
		return;
	if (supervisor_ask(&s, "io.slicekeep.supervisor.Events",
			   json_pack("{s:i, s:O}", "limit", EVENTS_LIMIT, "names", v->names),
			   &reply, &ignored) < 0)
		return;
	events = json_object_get(reply, "events");
	v->last_event =
		json_get_uint(json_array_get(events, json_array_size(events) - 1), "seq", 0);
	ignore_result(log_print_add_events(&v->print, events));
}

static bool names_service(const json_t *services, const char *name)
{
	json_t *service;
	size_t i;

	json_array_foreach(services, i, service) {
		if (text_equal(json_get_string(service, "name"), name))
			return true;
	}
	return false;
}

/* Whether there is a service of that name, though nothing of it is stored. */
static bool is_silent(struct log_view *v, const json_t *services, const char *name)
{
	cleanup_json json_t *root = NULL;
	struct error ignored = {0};

	if (strcmp(name, "supervisor") == 0 || strcmp(name, "log") == 0)
		return true;
	if (services)
		return names_service(services, name);
	return config_file_root(v->cli, &root, &ignored) == 0 && edit_find(root, name);
}

/*
 * The collector knows who has printed something. A service that has printed nothing yet is no
 * error: its name is taken out of the filter. Return: 0 when there is something left to ask for, 1
 * when there is not, or the error as it was.
 */
static int drop_silent_names(struct log_view *v, char *const *words, struct error *err)
{
	cleanup_supervisor struct supervisor s = {0};
	cleanup_json json_t *reply = NULL;
	cleanup_json json_t *stored = log_source_services(v->cli);
	cleanup_json json_t *names = json_array();
	struct error ignored = {0};

	if (supervisor_try(v->cli, &s, &ignored) == 0)
		ignore_result(
			supervisor_ask(&s, "io.slicekeep.supervisor.List", NULL, &reply, &ignored));
	for (char *const *word = words; *word; word++) {
		bool has_lines = names_service(stored, *word);

		if (!has_lines && !is_silent(v, json_object_get(reply, "services"), *word)) {
			names_suggest(&s, words, err);
			return err->code;
		}
		if (has_lines && json_array_append_new(names, json_string(*word)) < 0)
			return error_set(err, -ENOMEM, "out of memory");
	}
	if (json_array_size(names) == 0)
		return 1;
	return json_object_set(v->filter, "names", names) < 0
		       ? error_set(err, -ENOMEM, "out of memory")
		       : 0;
}

static int read_stored(struct log_view *v, char *const *words, struct error *err)
{
	cleanup_text struct text t = {0};
	int code = read_lines(v, err);

	if (code < 0 && command_exit_of(err) == CLI_NO_SERVICE) {
		code = drop_silent_names(v, words, err);
		if (code == 0)
			code = read_lines(v, err);
	}
	if (code < 0)
		return code;
	/* Without a line the events are all that there is to tell. */
	if (v->print.n_lines == 0 && v->print.from_usec == USEC_INFINITY)
		v->print.from_usec = 0;
	log_print_events(&v->print, v->until_usec, &t);
	return out(&t);
}

static int follow_on(struct log_view *v, struct error *err)
{
	struct follow f = {
		.cli = v->cli,
		.names = v->names,
		.filter = v->filter,
		.since = v->last_event,
		.events = shows_events(v->options),
		.lines = on_lines,
		.happened = on_events,
		.userdata = v,
	};

	v->print.from_usec = 0;
	/* Who has printed nothing yet is followed as well, and so is who gets born. */
	if (json_object_set(v->filter, "names", v->names) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	return follow_run(&f, err);
}

static int log_show(struct log_view *v, char *const *words)
{
	struct error err = {0};
	pid_t pager = 0;
	int code = make_filter(v, words);

	if (code != 0)
		return code;
	fetch_events(v);
	if (v->print.style.terminal && !v->options->follow && !v->options->json)
		pager = pager_begin();
	code = read_stored(v, words, &err);
	if (code >= 0 && v->options->follow)
		code = follow_on(v, &err);
	pager_end(pager);
	if (code == -EPIPE)
		return CLI_DONE;
	return code < 0 ? command_fail(&err) : CLI_DONE;
}

static int log_run(struct cli *cli, char **argv)
{
	struct log_options o = {.lines = UINT64_MAX};
	cleanup(view_done) struct log_view v = {.cli = cli, .source.cli = cli, .options = &o};
	struct options_rest rest;

	if (!command_options(cli, &command_log, argv, &o, &rest))
		return CLI_USAGE;
	if (o.all && rest.n_words > 0)
		return command_usage(cli, &command_log, "\"--all\" and names do not go together");
	if (o.follow && o.until)
		return command_usage(cli, &command_log, "\"-f\" has no end, \"--until\" is one");
	v.until_usec = USEC_INFINITY;
	v.print = (struct log_print){
		.style = cli->out, .json = o.json, .whole = o.follow, .from_usec = USEC_INFINITY};
	return log_show(&v, rest.words);
}

static const struct option_row log_rows[] = {
	{"follow", 'f', OPTION_FLAG, offsetof(struct log_options, follow), NULL,
	 "go on with what comes"},
	{"lines", 'n', OPTION_NUMBER, offsetof(struct log_options, lines), "N", "the last N lines"},
	{"since", 0, OPTION_TEXT, offsetof(struct log_options, since), "T",
	 "10:30, yesterday, \"2h ago\", 2026-11-21"},
	{"until", 0, OPTION_TEXT, offsetof(struct log_options, until), "T", "the same"},
	{"grep", 0, OPTION_TEXT, offsetof(struct log_options, grep), "RE",
	 "lines that match an extended regular expression"},
	{"fixed-strings", 'F', OPTION_FLAG, offsetof(struct log_options, fixed), NULL,
	 "the pattern of --grep is no expression but a text"},
	{"stream", 0, OPTION_TEXT, offsetof(struct log_options, stream), "S", "out or err"},
	{"level", 0, OPTION_TEXT, offsetof(struct log_options, level), "L",
	 "as bad as that or worse, by what the lines say of themselves"},
	{"all", 0, OPTION_FLAG, offsetof(struct log_options, all), NULL,
	 "every service, as without a name"},
	{"json", 0, OPTION_FLAG, offsetof(struct log_options, json), NULL,
	 "one JSON object a line, for programs"},
};

const struct command command_log = {
	.name = "log",
	.group = COMMAND_SEE,
	.synopsis = "[NAME…] [-f] [-n N] [--since T] [--until T] [--grep RE [-F]] [--level L] "
		    "[--stream "
		    "S] [--json]",
	.summary = "what services printed, and what happened to them",
	.details = "Also of services that are stopped or removed, and of slicekeep's own daemons\n"
		   "(supervisor, log). Without a bound: the last 100 lines, 10000 in the pager,\n"
		   "10 with -f.",
	.options = log_rows,
	.n_options = ARRAY_LEN(log_rows),
	.run = log_run,
};
