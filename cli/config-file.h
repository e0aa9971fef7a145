/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

struct cli;
struct error;

/**
 * config_file_read() - the text of a config file
 * @path: NULL for the platform's own, "-" for stdin
 *
 * Return: 0 or negative errno with a text; -ENOENT becomes -EINVAL, because nothing is unreachable.
 */
must_check int config_file_read(const struct cli *cli, const char *path, char **ret_text,
				struct error *err);

/**
 * config_file_root() - the platform's config file as an object; an empty one when there is no file
 */
must_check int config_file_root(const struct cli *cli, json_t **ret_root, struct error *err);

/**
 * config_file_apply() - make a text the config: the supervisor checks it, writes the file, keeps a
 * revision and carries it out; without a supervisor it is checked and written
 * @text:      NULL: the file as it stands
 * @why:       for the revision
 * @ret_reply: what Apply answered, or NULL when nothing runs
 *
 * Return: 0 or negative errno with a text.
 */
must_check int config_file_apply(const struct cli *cli, const char *text, const char *why,
				 json_t **ret_reply, struct error *err);

/** config_file_print_reply() - print what Apply or Plan answered */
void config_file_print_reply(const struct cli *cli, const json_t *reply);
