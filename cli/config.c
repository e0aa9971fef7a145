/* SPDX-License-Identifier: MIT */
/*
 * config: the file that describes the server.
 *
 *   config check|plan|apply [FILE]            config show
 *   config NAME [get|delete|update JSON]      config update JSON        (as in adabru-server)
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/text.h"
#include "config/load.h"
#include "config/model.h"
#include "config/vector.h"
#include "cli/command.h"
#include "cli/config-file.h"
#include "cli/connect.h"
#include "config/edit.h"
#include "cli/print.h"

struct config_options {
	bool json;
};

/* Arguments of one of the words: at most a file. */
static bool takes_file(const struct cli *cli, const char *word, char *const *rest,
		       const char **ret_file)
{
	if (rest[0] && rest[1]) {
		(void)command_usage(cli, &command_config, "\"config %s\" takes one file at most",
				    word);
		return false;
	}
	*ret_file = rest[0];
	return true;
}

static int print_checked(const struct config *config, bool json)
{
	if (json) {
		cleanup_json json_t *object =
			json_pack("{s:b, s:I, s:[]}", "ok", 1, "processes",
				  (json_int_t)config->n_processes, "warnings");

		for (char **w = config->warnings; w && *w; w++)
			if (json_array_append_new(json_object_get(object, "warnings"),
						  json_string(*w)) < 0)
				return print_out_of_memory();
		return print_json(object);
	}
	for (char **w = config->warnings; w && *w; w++)
		(void)printf("warning: %s\n", *w);
	(void)printf("%s is right: %zu processes\n", config->path, config->n_processes);
	return CLI_DONE;
}

static int print_wrong(const struct error *err, bool json)
{
	if (json) {
		cleanup_json json_t *object = json_pack("{s:b, s:s}", "ok", 0, "error", err->text);

		(void)print_json(object);
	}
	return command_fail(err);
}

/* Where systemd does not run, it cannot be the launcher. */
static int warn_of_sandboxes(struct config *config)
{
	int code = 0;

	if (access("/run/systemd/system", F_OK) == 0)
		return 0;
	for (size_t i = 0; code == 0 && i < config->n_processes; i++) {
		const struct config_process *p = &config->processes[i];
		bool has_secrets = strings_len(p->credentials) > 0;
		char *line;

		if (p->sandbox == CONFIG_SANDBOX_OFF && !has_secrets)
			continue;
		if (asprintf(&line, "processes.%s.%s", p->name,
			     has_secrets ? "credentials: cannot start without systemd, which does "
					   "not run here"
					 : "sandbox: protects no files without systemd, which does "
					   "not run here") < 0)
			line = NULL;
		code = strings_add(&config->warnings, line);
	}
	return code;
}

static int check(struct cli *cli, const char *file, bool json)
{
	struct config_rules rules = {
		.system_layout = cli->paths.layout == LAYOUT_SYSTEM,
		.check_files = true,
	};
	cleanup_free char *text = NULL;
	struct config *config = NULL;
	struct error err = {0};
	const char *path = !file || strcmp(file, "-") == 0 ? cli->paths.config : file;
	int code = config_file_read(cli, file, &text, &err);

	if (code == 0)
		code = config_parse(text, strlen(text), path, &rules, &config, &err);
	if (code != 0)
		return print_wrong(&err, json);
	code = warn_of_sandboxes(config) < 0 ? print_out_of_memory() : print_checked(config, json);
	config_unref(config);
	return code;
}

static int show(struct cli *cli)
{
	cleanup_supervisor struct supervisor s = {0};
	cleanup_json json_t *reply = NULL;
	cleanup_free char *text = NULL;
	struct error err = {0};
	int code = supervisor_open(cli, &s, &err);

	if (code == 0) {
		code = supervisor_ask(&s, "io.slicekeep.supervisor.Config", NULL, &reply, &err);
		if (code == 0)
			(void)printf("%s\n", json_get_string(reply, "text"));
	} else if (code == -ENOENT || code == -ECONNREFUSED) {
		code = config_file_read(cli, NULL, &text, &err);
		if (code == 0)
			(void)fputs(text, stdout);
	}
	return code < 0 ? command_fail(&err) : CLI_DONE;
}

static int plan(struct cli *cli, const char *file, bool json)
{
	cleanup_supervisor struct supervisor s = {0};
	cleanup_json json_t *reply = NULL;
	cleanup_free char *text = NULL;
	struct error err = {0};
	int code = config_file_read(cli, file, &text, &err);

	if (code == 0)
		code = supervisor_open(cli, &s, &err);
	if (code == 0)
		code = supervisor_ask(&s, "io.slicekeep.supervisor.Plan",
				      json_pack("{s:s}", "text", text), &reply, &err);
	if (code < 0)
		return command_fail(&err);
	if (json)
		return print_json(reply);
	config_file_print_reply(cli, reply);
	return CLI_DONE;
}

static int apply_text(struct cli *cli, const char *text, const char *why, bool json)
{
	cleanup_json json_t *reply = NULL;
	struct error err = {0};

	if (config_file_apply(cli, text, why, &reply, &err) < 0)
		return command_fail(&err);
	if (!reply)
		return CLI_DONE;
	if (json)
		return print_json(reply);
	config_file_print_reply(cli, reply);
	return CLI_DONE;
}

static int apply(struct cli *cli, const char *file, bool json)
{
	cleanup_free char *text = NULL;
	struct error err = {0};

	if (file && config_file_read(cli, file, &text, &err) < 0)
		return command_fail(&err);
	return apply_text(cli, text, "config apply", json);
}

static int apply_root(struct cli *cli, const json_t *root, const char *why, bool json)
{
	cleanup_free char *text = edit_text(root);

	return text ? apply_text(cli, text, why, json) : print_out_of_memory();
}

/* config update JSON */
static int update_all(struct cli *cli, const char *typed, bool json)
{
	cleanup_json json_t *root = NULL;
	struct error err = {0};

	if (edit_parse(typed, "what you typed", &root, &err) < 0)
		return command_fail(&err);
	return apply_root(cli, root, "config update", json);
}

static int get_one(const json_t *root, const char *name)
{
	const json_t *value = edit_find(root, name);

	if (!value) {
		(void)fprintf(stderr, "slicekeep: \"%s\" is not in the config\n", name);
		return CLI_NO_SERVICE;
	}
	return print_json(value);
}

static int delete_one(struct cli *cli, json_t *root, const char *name, bool json)
{
	char why[96];

	if (edit_delete(root, name) < 0) {
		(void)fprintf(stderr, "slicekeep: \"%s\" is not in the config\n", name);
		return CLI_NO_SERVICE;
	}
	(void)snprintf(why, sizeof(why), "config %.64s delete", name);
	return apply_root(cli, root, why, json);
}

static int update_one(struct cli *cli, json_t *root, char *const *words, bool json)
{
	json_t *value = NULL;
	struct error err = {0};
	char why[96];

	if (edit_parse(words[2], "what you typed", &value, &err) < 0)
		return command_fail(&err);
	if (edit_set(root, words[0], value) < 0)
		return print_out_of_memory();
	(void)snprintf(why, sizeof(why), "config %.64s update", words[0]);
	return apply_root(cli, root, why, json);
}

/* config NAME [get|delete|update JSON] */
static int one_member(struct cli *cli, char *const *words, size_t n_words, bool json)
{
	const char *act = n_words > 1 ? words[1] : "get";
	cleanup_json json_t *root = NULL;
	struct error err = {0};
	bool updates = strcmp(act, "update") == 0;

	if (!updates && strcmp(act, "get") != 0 && strcmp(act, "delete") != 0)
		return command_usage(cli, &command_config, "\"%s\" is no word of config", act);
	if (n_words != (updates ? 3u : MIN_OF(n_words, (size_t)2)))
		return command_usage(cli, &command_config,
				     updates ? "\"update\" needs one JSON text" : "too many words");
	if (config_file_root(cli, &root, &err) < 0)
		return command_fail(&err);
	if (updates)
		return update_one(cli, root, words, json);
	if (strcmp(act, "delete") == 0)
		return delete_one(cli, root, words[0], json);
	return get_one(root, words[0]);
}

static int config_run(struct cli *cli, char **argv)
{
	struct config_options o = {0};
	struct options_rest rest;
	const char *file = NULL;
	const char *word;

	if (!command_options(cli, &command_config, argv, &o, &rest))
		return CLI_USAGE;
	word = rest.n_words > 0 ? rest.words[0] : "show";
	if (strcmp(word, "show") == 0)
		return rest.n_words > 1 ? command_usage(cli, &command_config, "too many words")
					: show(cli);
	if (strcmp(word, "check") == 0)
		return takes_file(cli, word, rest.words + 1, &file) ? check(cli, file, o.json)
								    : CLI_USAGE;
	if (strcmp(word, "plan") == 0)
		return takes_file(cli, word, rest.words + 1, &file) ? plan(cli, file, o.json)
								    : CLI_USAGE;
	if (strcmp(word, "apply") == 0)
		return takes_file(cli, word, rest.words + 1, &file) ? apply(cli, file, o.json)
								    : CLI_USAGE;
	if (strcmp(word, "update") == 0)
		return rest.n_words == 2 ? update_all(cli, rest.words[1], o.json)
					 : command_usage(cli, &command_config,
							 "\"update\" needs one JSON text");
	return one_member(cli, rest.words, rest.n_words, o.json);
}

static const struct option_row config_rows[] = {
	{"json", 0, OPTION_FLAG, offsetof(struct config_options, json), NULL,
	 "what check, plan and apply say, for programs"},
};

const struct command command_config = {
	.name = "config",
	.group = COMMAND_CONFIG,
	.synopsis =
		"[check|plan|apply [FILE] | show | NAME [get|delete|update JSON] | update JSON]",
	.summary = "show, check or change the config",
	.details =
		"  show            the config that is applied; also without a word\n"
		"  check [FILE]    whether it is right, with file, line and path of what is not\n"
		"  plan [FILE]     what applying it would do to each service\n"
		"  apply [FILE]    make it the config, all or nothing\n"
		"  NAME get        one process, or a section (env, webhooks, …)\n"
		"  NAME delete     take it out\n"
		"  NAME update J   replace it, or add it\n"
		"  update J        replace everything\n"
		"FILE may be \"-\" for standard input.",
	.options = config_rows,
	.n_options = ARRAY_LEN(config_rows),
	.run = config_run,
};
