/* SPDX-License-Identifier: MIT */
/*
 * The config file, and how a new text becomes it.
 *
 * Where a supervisor runs, it alone writes the file: then the file, the revision and what runs can
 * not differ. Where none runs, there is nobody to carry it out, but the text is checked by the same
 * parser before the old file is replaced.
 */
#include "cli/config-file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/error.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"
#include "config/load.h"
#include "config/model.h"
#include "cli/command.h"
#include "cli/connect.h"
#include "config/edit.h"
#include "cli/print.h"
#include "cli/table.h"

static int read_stdin(char **ret_text, struct error *err)
{
	cleanup_text struct text text = {0};
	char buf[4096];
	size_t n;

	while ((n = fread(buf, 1, sizeof(buf), stdin)) > 0) {
		text_add_bytes(&text, buf, n);
		if (text.len > CONFIG_BYTES_MAX)
			return error_set(err, -EFBIG,
					 "the config on stdin is larger than %zu bytes",
					 CONFIG_BYTES_MAX);
	}
	if (ferror(stdin))
		return error_set(err, -EIO, "cannot read stdin");
	*ret_text = text_take(&text);
	return *ret_text ? 0 : error_set(err, -ENOMEM, "out of memory");
}

int config_file_read(const struct cli *cli, const char *path, char **ret_text, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len = 0;
	int code;

	if (path && strcmp(path, "-") == 0)
		return read_stdin(ret_text, err);
	if (!path)
		path = cli->paths.config;
	code = file_read(path, CONFIG_BYTES_MAX, &text, &len);
	if (code == -ENOENT)
		return error_set(err, -EINVAL, "there is no file \"%s\"", path);
	if (code < 0)
		return error_set(err, code, "cannot read \"%s\": %s", path, strerror(-code));
	if (strlen(text) != len)
		return error_set(err, -EINVAL, "\"%s\" holds a NUL byte", path);
	*ret_text = steal_ptr(text);
	return 0;
}

int config_file_root(const struct cli *cli, json_t **ret_root, struct error *err)
{
	cleanup_free char *text = NULL;
	cleanup_json json_t *root = NULL;
	int code;

	if (access(cli->paths.config, F_OK) < 0 && errno == ENOENT) {
		*ret_root = json_object();
		return *ret_root ? 0 : error_set(err, -ENOMEM, "out of memory");
	}
	code = config_file_read(cli, NULL, &text, err);
	if (code == 0)
		code = edit_parse(text, cli->paths.config, &root, err);
	if (code == 0 && !json_is_object(root))
		code = error_set(err, -EINVAL, "\"%s\" is no JSON object", cli->paths.config);
	if (code == 0)
		*ret_root = steal_ptr(root);
	return code;
}

static int check_text(const struct cli *cli, const char *text, struct error *err)
{
	struct config_rules rules = {
		.system_layout = cli->paths.layout == LAYOUT_SYSTEM,
		.check_files = true,
	};
	struct config *config = NULL;
	int code = config_parse(text, strlen(text), cli->paths.config, &rules, &config, err);

	if (code == 0)
		config_unref(config);
	return code;
}

static int write_text(const struct cli *cli, const char *text, struct error *err)
{
	cleanup_free char *folder = file_folder_of(cli->paths.config);
	int code = folder ? file_make_folders(folder, 0755) : -ENOMEM;

	if (code == 0)
		code = file_write_atomic(cli->paths.config, text, strlen(text), 0600);
	if (code < 0)
		return error_set(err, code, "cannot write \"%s\": %s", cli->paths.config,
				 strerror(-code));
	return 0;
}

static int store_only(const struct cli *cli, const char *text, struct error *err)
{
	cleanup_free char *stored = NULL;
	int code = 0;

	if (!text) {
		code = config_file_read(cli, NULL, &stored, err);
		if (code != 0 || !stored)
			return code;
	}
	code = check_text(cli, text ? text : stored, err);
	if (code == 0 && text)
		code = write_text(cli, text, err);
	if (code == 0)
		(void)printf("%s; nothing is running here: it counts from the next \"%s up\" on\n",
			     text ? "stored" : "the config is right", cli->hint);
	return code;
}

static json_t *apply_parameters(const char *text, const char *why)
{
	if (!text)
		return json_pack("{s:s}", "why", why);
	return json_pack("{s:s, s:b, s:s}", "text", text, "save", 1, "why", why);
}

int config_file_apply(const struct cli *cli, const char *text, const char *why, json_t **ret_reply,
		      struct error *err)
{
	cleanup_supervisor struct supervisor s = {0};
	int code;

	/* Who may not is told that, and not first what else is wrong. */
	if (cli->guest)
		return error_set(err, -EPERM,
				 "only root is permitted to change the services of the system: "
				 "\"sudo %s …\"",
				 cli->hint);
	code = supervisor_open(cli, &s, err);
	if (code == -ENOENT || code == -ECONNREFUSED) {
		*ret_reply = NULL;
		return store_only(cli, text, err);
	}
	if (code < 0)
		return code;
	/* Twice is harmless: an unchanged text keeps its revision. */
	return supervisor_ask(&s, "io.slicekeep.supervisor.Apply", apply_parameters(text, why),
			      ret_reply, err);
}

static void print_warnings(const json_t *reply)
{
	json_t *warning;
	size_t i;

	json_array_foreach(json_object_get(reply, "warnings"), i, warning)
		(void)printf("warning: %s\n", json_string_value(warning));
}

void config_file_print_reply(const struct cli *cli, const json_t *reply)
{
	static const char *const heads[] = {"SERVICE", "EFFECT", ""};
	cleanup_table struct table table;
	cleanup_text struct text out = {0};
	json_t *row;
	size_t i;

	table_init(&table, heads, ARRAY_LEN(heads));
	json_array_foreach(json_object_get(reply, "rows"), i, row) {
		const char *name = json_get_string(row, "name");
		const char *effect = json_get_string(row, "effect");
		const char *why = json_get_string(row, "why");

		if (text_equal(effect, "nothing"))
			continue;
		table_add(&table, PAINT_NONE, name ? name : "?");
		table_add(&table, PAINT_BUSY, effect ? effect : "?");
		table_add(&table, PAINT_DIM, why ? why : "");
	}
	print_warnings(reply);
	if (table.n_cells == 0)
		(void)printf("nothing changes\n");
	else if (table_print(&table, &cli->out, 0, &out) == 0)
		(void)print_text(&out);
	if (json_object_get(reply, "revision"))
		(void)printf("applied as revision %" PRIu64 "\n",
			     json_get_uint(reply, "revision", 0));
}
