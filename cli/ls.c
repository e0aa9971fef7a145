/* SPDX-License-Identifier: MIT */
/*
 * ls: the services and what they are doing.
 *
 * -w redraws the same table in place, at each change and once a second for uptimes and what is
 * used; where nobody looks (a pipe) it prints at changes only.
 */
#include "cli/ls.h"

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
#include "cli/service-table.h"

struct ls_options {
	bool watch;
	bool json;
};

/* How much is asked for: what the table needs, with the processes counted, or everything. */
enum detail {
	DETAIL_TABLE,
	DETAIL_COUNTED,
	DETAIL_ALL,
};

static json_t *parameters_of(char *const *names, enum detail detail, bool live)
{
	cleanup_json json_t *list = json_array();

	for (; names && *names; names++) {
		if (json_array_append_new(list, json_string(*names)) < 0)
			return NULL;
	}
	return json_pack("{s:O, s:b, s:b, s:b}", "names", list, "count", detail != DETAIL_TABLE,
			 "brief", detail != DETAIL_ALL, "live", live);
}

static int ask_services(struct supervisor *s, char *const *names, enum detail detail,
			json_t **ret_reply, struct error *err)
{
	cleanup_json json_t *reply = NULL;
	int code = supervisor_ask(s, "io.slicekeep.supervisor.List",
				  parameters_of(names, detail, false), &reply, err);

	if (code == 0 && names && names[0])
		code = names_check(s, json_object_get(reply, "services"), names, err);
	if (code == 0)
		*ret_reply = steal_ptr(reply);
	return code;
}

int ls_print(struct supervisor *s, char *const *names, bool count, struct error *err)
{
	cleanup_json json_t *reply = NULL;
	cleanup_json json_t *status = NULL;
	cleanup_text struct text out = {0};
	const json_t *services;
	int code;

	code = ask_services(s, names, count ? DETAIL_COUNTED : DETAIL_TABLE, &reply, err);
	if (code == 0)
		code = supervisor_ask(s, "io.slicekeep.supervisor.Status",
				      json_pack("{s:b}", "count", count), &status, err);
	if (code < 0)
		return code;
	services = json_object_get(reply, "services");
	if (service_table(services, 0, &s->cli->out, 0, &out) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	service_footer(status, !names || !names[0], &out);
	return print_text(&out) == CLI_DONE ? 0 : error_set(err, -ENOMEM, "out of memory");
}

int ls_print_json(struct supervisor *s, char *const *names, struct error *err)
{
	cleanup_json json_t *reply = NULL;
	cleanup_json json_t *services = NULL;
	int code = ask_services(s, names, DETAIL_ALL, &reply, err);

	if (code < 0)
		return code;
	services = service_exported(json_object_get(reply, "services"));
	return print_json(services) == CLI_DONE ? 0 : error_set(err, -EIO, "cannot print");
}

static int watch_draw(const json_t *services, usec_t since_usec, bool json)
{
	struct style style = style_of(STDOUT_FILENO);
	cleanup_text struct text out = {0};

	if (json) {
		cleanup_json json_t *exported = service_exported(services);

		return print_json_line(exported);
	}
	text_add(&out, style.terminal ? "\x1b[H\x1b[J" : "");
	if (service_table(services, clock_now_usec() - since_usec, &style, style.columns, &out) < 0)
		return print_out_of_memory();
	text_add(&out, style.terminal ? "" : "\n");
	(void)print_text(&out);
	(void)fflush(stdout);
	return ferror(stdout) ? CLI_FAILED : CLI_DONE;
}

/* One connection's worth of watching; returns when it breaks or the supervisor refuses. */
static int watch_turns(struct supervisor *s, char *const *names, bool json, struct error *err)
{
	cleanup_json json_t *reply = NULL;
	bool ticking = !json && s->cli->out.terminal;
	usec_t since_usec = 0;
	int code;

	code = varlink_client_begin(
		s->client, "io.slicekeep.supervisor.List",
		parameters_of(names, json ? DETAIL_ALL : DETAIL_COUNTED, ticking), err);
	while (code >= 0 || code == -ETIMEDOUT) {
		usec_t tick_usec =
			ticking && reply ? clock_now_usec() + USEC_PER_SEC : USEC_INFINITY;
		json_t *next = NULL;

		code = varlink_client_next(s->client, tick_usec, &next, err);
		if (code >= 0) {
			json_decref(reply);
			reply = next;
			since_usec = clock_now_usec();
		}
		if ((code >= 0 || code == -ETIMEDOUT) &&
		    watch_draw(json_object_get(reply, "services"), since_usec, json) != CLI_DONE)
			return error_set(err, -EIO, "cannot print");
		if (code == 0)
			return error_set(err, -ECONNRESET, "the supervisor has ended");
	}
	return code;
}

static int ls_watch(struct supervisor *s, char *const *names, bool json, struct error *err)
{
	int code = names_require(s, names, err);

	if (code < 0)
		return code;
	do {
		code = watch_turns(s, names, json, err);
		if (supervisor_broke(code))
			code = supervisor_reopen(s, err);
	} while (code >= 0);
	return code;
}

static int ls_run(struct cli *cli, char **argv)
{
	cleanup_supervisor struct supervisor s = {0};
	struct ls_options o = {0};
	struct options_rest rest;
	struct error err = {0};
	int code;

	if (!command_options(cli, &command_ls, argv, &o, &rest))
		return CLI_USAGE;
	code = supervisor_open(cli, &s, &err);
	if (code == 0 && o.watch)
		code = ls_watch(&s, rest.words, o.json, &err);
	else if (code == 0 && o.json)
		code = ls_print_json(&s, rest.words, &err);
	else if (code == 0)
		code = ls_print(&s, rest.words, cli->out.terminal, &err);
	return code < 0 ? command_fail(&err) : CLI_DONE;
}

static const struct option_row ls_rows[] = {
	{"watch", 'w', OPTION_FLAG, offsetof(struct ls_options, watch), NULL,
	 "show it again at each change"},
	{"json", 0, OPTION_FLAG, offsetof(struct ls_options, json), NULL,
	 "an array of services, for programs"},
};

const struct command command_ls = {
	.name = "ls",
	.group = COMMAND_SEE,
	.synopsis = "[-w] [--json] [NAME…]",
	.summary = "the services and what they are doing",
	.options = ls_rows,
	.n_options = ARRAY_LEN(ls_rows),
	.run = ls_run,
};
