/* SPDX-License-Identifier: MIT */
/*
 * limits: what a service may use, what the kernel enforces of it, and how near it comes.
 *
 *   limits NAME                     limits NAME memory_max=300M cpu_quota= [--save]
 */
#include <stdio.h>
#include <string.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/text.h"
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/print.h"
#include "cli/table.h"

struct limits_options {
	bool save;
	bool all;
	bool json;
};

/* Bare numbers are numbers, but for a list of CPUs: the config wants "tasks_max": 128 without
 * quotes.
 */
static json_t *value_of(const char *key, const char *typed)
{
	const char *digits = typed + (typed[0] == '-');
	size_t n = strspn(digits, "0123456789");
	bool is_number = n > 0 && n < 16 && !digits[n];

	if (!*typed)
		return json_null();
	if (strcmp(key, "cpus") == 0)
		return json_string(typed);
	return is_number ? json_integer(strtoll(typed, NULL, 10)) : json_string(typed);
}

/* "memory_max=300M" …; Return: whether all are assignments. */
static bool read_changes(const struct cli *cli, char *const *words, json_t *changes)
{
	for (; *words; words++) {
		const char *equals = strchr(*words, '=');
		cleanup_free char *key = equals ? strndup(*words, (size_t)(equals - *words)) : NULL;

		if (!key || !*key ||
		    json_object_set_new(changes, key, value_of(key, equals + 1)) < 0) {
			(void)command_usage(cli, &command_limits, "\"%s\" is not LIMIT=VALUE",
					    *words);
			return false;
		}
	}
	return true;
}

static const char *shown(const json_t *limit, const char *member)
{
	const char *value = json_get_string(limit, member);

	return value ? value : "-";
}

static const char *note_of(const json_t *limit)
{
	const char *note = json_get_string(limit, "note");

	return note ? note : "";
}

/* Of the many limits that there are only those that somebody set, or that count something. */
static bool is_worth_a_row(const json_t *limit)
{
	return json_object_get(limit, "configured") || json_object_get(limit, "now");
}

static int print_limits(const struct cli *cli, const json_t *reply, bool all)
{
	static const char *const heads[] = {"LIMIT", "CONFIG", "KERNEL", "NOW", "PEAK", ""};
	static const char *const members[] = {"key", "configured", "effective", "now", "peak"};
	cleanup_table struct table t = {0};
	cleanup_text struct text out = {0};
	const char *note = json_get_string(reply, "note");
	const json_t *limit;
	size_t i;

	table_init(&t, heads, ARRAY_LEN(heads));
	json_array_foreach(json_object_get(reply, "limits"), i, limit) {
		if (!all && !is_worth_a_row(limit))
			continue;
		for (size_t k = 0; k < ARRAY_LEN(members); k++)
			table_add(&t, PAINT_NONE, shown(limit, members[k]));
		table_add(&t, PAINT_DIM, note_of(limit));
	}
	if (t.n_cells == 0)
		text_add(&out, "no limits\n");
	else if (table_print(&t, &cli->out, 0, &out) < 0)
		return print_out_of_memory();
	if (note)
		text_addf(&out, "%s\n", note);
	return print_text(&out);
}

static int look(struct cli *cli, struct supervisor *s, const char *name,
		const struct limits_options *o)
{
	cleanup_json json_t *reply = NULL;
	struct error err = {0};

	if (supervisor_ask(s, "io.slicekeep.supervisor.Limits", json_pack("{s:s}", "name", name),
			   &reply, &err) < 0)
		return command_fail(&err);
	return o->json ? print_json(reply) : print_limits(cli, reply, o->all);
}

static int change(struct supervisor *s, const char *name, json_t *changes, bool save)
{
	cleanup_json json_t *reply = NULL;
	struct error err = {0};
	json_t *parameters =
		json_pack("{s:s, s:O, s:b}", "name", name, "limits", changes, "save", save);

	if (supervisor_ask(s, "io.slicekeep.supervisor.SetLimits", parameters, &reply, &err) < 0)
		return command_fail(&err);
	return CLI_DONE;
}

static int limits_run(struct cli *cli, char **argv)
{
	struct limits_options o = {0};
	cleanup_supervisor struct supervisor s = {0};
	cleanup_json json_t *changes = json_object();
	struct options_rest rest;
	struct error err = {0};
	int code = CLI_DONE;

	if (!command_options(cli, &command_limits, argv, &o, &rest))
		return CLI_USAGE;
	if (rest.n_words == 0)
		return command_usage(cli, &command_limits, "one name is needed");
	if (!read_changes(cli, rest.words + 1, changes))
		return CLI_USAGE;
	if (supervisor_open(cli, &s, &err) < 0)
		return command_fail(&err);
	if (json_object_size(changes) > 0)
		code = change(&s, rest.words[0], changes, o.save);
	return code == CLI_DONE ? look(cli, &s, rest.words[0], &o) : code;
}

static const struct option_row limits_rows[] = {
	{"save", 0, OPTION_FLAG, offsetof(struct limits_options, save), NULL,
	 "write the change to the config file, for good"},
	{"all", 'a', OPTION_FLAG, offsetof(struct limits_options, all), NULL,
	 "also those that nobody has set"},
	{"json", 0, OPTION_FLAG, offsetof(struct limits_options, json), NULL, "for programs"},
};

const struct command command_limits = {
	.name = "limits",
	.group = COMMAND_STEER,
	.synopsis = "NAME [LIMIT=VALUE…] [--save] [--all] [--json]",
	.summary = "what a service may use; change it while it runs",
	.details =
		"  memory_max=300M cpu_quota=150% tasks_max=128 …: as in the config's \"limits\".\n"
		"  LIMIT= lifts a limit. It holds in the kernel when the command returns, and\n"
		"  until another config is applied; with --save it is in the config file too.\n",
	.options = limits_rows,
	.n_options = ARRAY_LEN(limits_rows),
	.run = limits_run,
};
