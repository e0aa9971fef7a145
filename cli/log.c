/* SPDX-License-Identifier: MIT */
/*
 * log: what services printed, and what happened to them in between.
 *
 * Both are in the store, on one time line, and come from the collector or, while it is down, from
 * the segments: reading what is stored must not depend on anything that runs.
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
#include "cli/log-direct.h"
#include "cli/log-line.h"
#include "cli/log-skipped.h"
#include "cli/log-source.h"
#include "cli/pager.h"
#include "cli/names.h"
#include "cli/print.h"
#include "cli/words.h"

/** Lines that are shown when the person gave no bound of their own. */
#define TAIL_PIPE 100
#define TAIL_PAGER 10000
#define TAIL_FOLLOW 10

struct log_options {
	bool follow;
	uint64_t lines;
	const char *since;
	const char *until;
	const char *grep;
	const char *stream;
	const char *level;
	const char *cursor;
	bool fixed;
	bool all;
	bool json;
};

/**
 * struct log_view - one run of the verb
 * @names:  services, array; empty means all
 * @filter: type Filter
 * @style:  of what the lines go to
 * @pages:  a pager is wanted as soon as there is something to see
 * @pager:  its pid, or 0
 * @failure: errno of what could not be printed, or 0
 */
struct log_view {
	const struct cli *cli;
	struct log_source source;
	const struct log_options *options;
	json_t *names;
	json_t *filter;
	struct style style;
	bool pages;
	pid_t pager;
	int failure;
};

static void view_done(struct log_view *v)
{
	json_decref(v->names);
	json_decref(v->filter);
}

static int put(json_t *filter, const char *key, json_t *value)
{
	return json_object_set_new(filter, key, value);
}

static int put_time(struct log_view *v, const char *key, const char *option, const char *s)
{
	usec_t at_usec;

	if (!s)
		return 0;
	if (clock_parse(s, clock_at_usec(), &at_usec) < 0)
		return command_usage(v->cli, &command_log,
				     "\"--%s %s\" is no time: 10:30, yesterday, \"2h ago\", "
				     "2026-11-21, \"2026-11-21 10:30\"",
				     option, s);
	return put(v->filter, key, json_integer((json_int_t)at_usec)) < 0 ? print_out_of_memory()
									  : 0;
}

static uint64_t tail_of(const struct log_view *v)
{
	const struct log_options *o = v->options;

	if (o->lines != UINT64_MAX)
		return o->lines;
	if (o->since || o->until || o->grep || o->level || o->cursor)
		return UINT64_MAX; /* all */
	if (o->follow)
		return TAIL_FOLLOW;
	return v->style.terminal && !o->json ? TAIL_PAGER : TAIL_PIPE;
}

static int put_stream(struct log_view *v)
{
	const char *stream = v->options->stream;

	if (!stream)
		return 0;
	if (strcmp(stream, "event") == 0)
		return put(v->filter, "streams", json_pack("[s]", stream)) < 0
			       ? print_out_of_memory()
			       : 0;
	if (strcmp(stream, "out") != 0 && strcmp(stream, "err") != 0)
		return command_usage(v->cli, &command_log, "\"--stream %s\": out, err or event",
				     stream);
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
	if (v->options->cursor)
		bad |= put(v->filter, "cursor", json_string(v->options->cursor));
	if (bad)
		return command_usage(v->cli, &command_log, "the pattern or the cursor is no UTF-8");
	code = put_time(v, "since_at_usec", "since", v->options->since);
	if (code == 0)
		code = put_time(v, "until_at_usec", "until", v->options->until);
	if (code == 0)
		code = put_stream(v);
	return code == 0 ? put_level(v) : code;
}

static int out(struct log_view *v, struct text *t)
{
	int code;

	if (v->pages && t->len > 0) {
		v->pages = false;
		v->pager = pager_begin();
	}
	code = print_text(t);
	if (fflush(stdout) == 0 && !ferror(stdout) && code == CLI_DONE)
		return 0;
	v->failure = errno;
	return PRINT_GONE;
}

static void add_json(struct text *t, const json_t *line)
{
	cleanup_free char *dumped = json_dumps(line, JSON_COMPACT);

	if (!dumped)
		t->failed = true;
	text_add(t, dumped);
	text_add(t, "\n");
}

static int on_lines(const json_t *lines, void *userdata)
{
	struct log_view *v = userdata;
	cleanup_text struct text t = {0};
	json_t *line;
	size_t i;

	json_array_foreach(lines, i, line) {
		/* One that has no end yet will come again when it has one. */
		if (v->options->follow && json_get_bool(line, "open", false))
			continue;
		if (v->options->json)
			add_json(&t, line);
		else
			log_line_add(&t, line, &v->style);
	}
	return out(v, &t);
}

/* The command that shows what is shown now, without a place. */
static void add_again(const struct log_view *v, struct text *t)
{
	const struct log_options *o = v->options;
	const char *const values[][2] = {
		{"--grep", o->grep}, {"--stream", o->stream}, {"--level", o->level}};
	json_t *name;
	size_t i;

	text_addf(t, "%s log", v->cli->hint);
	json_array_foreach(v->names, i, name)
		text_addf(t, " %s", json_string_value(name));
	for (i = 0; i < ARRAY_LEN(values); i++) {
		if (!values[i][1])
			continue;
		text_addf(t, " %s ", values[i][0]);
		words_add_quoted(t, values[i][1]);
	}
	text_add(t, o->fixed ? " -F" : "");
}

static int on_missed(const json_t *reply, void *userdata)
{
	struct log_view *v = userdata;
	cleanup_text struct text again = {0};
	cleanup_text struct text t = {0};

	if (v->options->json) {
		log_skipped_add_json(&t, reply);
	} else {
		add_again(v, &again);
		log_skipped_add(&t, reply, again.data ? again.data : "", &v->style);
	}
	return t.len > 0 || t.failed ? out(v, &t) : 0;
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
 * error, and may have events. Return: 0, or the error as it was.
 */
static int excuse_silence(struct log_view *v, char *const *words, struct error *err)
{
	cleanup_supervisor struct supervisor s = {0};
	cleanup_json json_t *reply = NULL;
	cleanup_json json_t *stored = log_source_services(v->cli);
	struct error ignored = {0};

	if (supervisor_try(v->cli, &s, &ignored) == 0)
		ignore_result(
			supervisor_ask(&s, "io.slicekeep.supervisor.List", NULL, &reply, &ignored));
	for (char *const *word = words; *word; word++) {
		if (!names_service(stored, *word) &&
		    !is_silent(v, json_object_get(reply, "services"), *word)) {
			names_suggest(&s, words, err);
			return err->code;
		}
	}
	return put(v->filter, "unknown_ok", json_true()) < 0
		       ? error_set(err, -ENOMEM, "out of memory")
		       : 0;
}

static int read_stored(struct log_view *v, char *const *words, struct error *err)
{
	int code = log_source_read(&v->source, v->filter, on_lines, v, err);

	if (code < 0 && command_exit_of(err) == CLI_NO_SERVICE) {
		code = excuse_silence(v, words, err);
		if (code == 0)
			code = log_source_read(&v->source, v->filter, on_lines, v, err);
	}
	return code;
}

/* Who has printed nothing yet is followed as well, and so is who gets born. */
static int follow_on(struct log_view *v, struct error *err)
{
	struct follow f = {
		.cli = v->cli,
		.filter = v->filter,
		.missed = on_missed,
		.take = on_lines,
		.userdata = v,
	};
	struct error ignored = {0};
	int code = follow_run(&f, err);

	/* What it said last may have been stored when nobody was left to tell us. */
	if (log_source_is_down(code))
		ignore_result(log_direct_read(v->filter, USEC_INFINITY, on_lines, v, &ignored));
	return code;
}

static int log_show(struct log_view *v, char *const *words)
{
	struct error err = {0};
	int code = make_filter(v, words);

	if (code != 0)
		return code;
	v->pages = v->style.terminal && !v->options->follow && !v->options->json;
	code = read_stored(v, words, &err);
	if (code >= 0 && v->options->follow)
		code = follow_on(v, &err);
	pager_end(v->pager);
	errno = v->failure;
	if (code == PRINT_GONE)
		return CLI_DONE;
	return code < 0 ? command_fail(&err) : CLI_DONE;
}

static int log_run(struct cli *cli, char **argv)
{
	struct log_options o = {.lines = UINT64_MAX};
	cleanup(view_done) struct log_view v = {
		.cli = cli, .source = {.cli = cli, .missed = on_missed}, .options = &o};
	struct options_rest rest;

	if (!command_options(cli, &command_log, argv, &o, &rest))
		return CLI_USAGE;
	if (o.all && rest.n_words > 0)
		return command_usage(cli, &command_log, "\"--all\" and names do not go together");
	if (o.follow && o.until)
		return command_usage(cli, &command_log, "\"-f\" has no end, \"--until\" is one");
	v.style = cli->out;
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
	{"stream", 0, OPTION_TEXT, offsetof(struct log_options, stream), "S",
	 "out, err, or event: what happened"},
	{"level", 0, OPTION_TEXT, offsetof(struct log_options, level), "L",
	 "as bad as that or worse, by what the lines say of themselves"},
	{"cursor", 0, OPTION_TEXT, offsetof(struct log_options, cursor), "C",
	 "go on behind the place that a line of --json, or a skipped line, names"},
	{"all", 0, OPTION_FLAG, offsetof(struct log_options, all), NULL,
	 "every service, as without a name"},
	{"json", 0, OPTION_FLAG, offsetof(struct log_options, json), NULL,
	 "one JSON object a line, for programs"},
};

const struct command command_log = {
	.name = "log",
	.group = COMMAND_SEE,
	.synopsis = "[NAME…] [-f] [-n N] [--since T] [--until T] [--grep RE [-F]] [--level L] "
		    "[--stream S] [--cursor C] [--json]",
	.summary = "what services printed, and what happened to them",
	.details = "Also of services that are stopped or removed, and of slicekeep's own daemons\n"
		   "(supervisor, log). Without a bound: the last 100 lines, 10000 in the pager,\n"
		   "10 with -f. Events stand between the lines and are not counted; --grep hides\n"
		   "them, unless it is told to look at them by --stream event.",
	.options = log_rows,
	.n_options = ARRAY_LEN(log_rows),
	.run = log_run,
};
