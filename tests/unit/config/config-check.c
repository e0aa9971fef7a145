/* SPDX-License-Identifier: MIT */

/*
 * config-check [--files] FILE…: the parser's verdicts, one JSON object a line, for tests that hold
 * them against somebody else's.
 */

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "lib/error.h"
#include "lib/text.h"
#include "config/load.h"
#include "config/model.h"

static json_t *verdict(const char *path, const struct config_rules *rules)
{
	struct config *config = NULL;
	struct error err = {0};
	json_t *warnings;

	if (config_load(path, rules, &config, &err) < 0)
		return json_pack("{s:s s:b s:s}", "file", path, "ok", 0, "error", err.text);
	warnings = json_array();
	for (char **w = config->warnings; w && *w; w++)
		ignore_result(json_array_append_new(warnings, json_string(*w)));
	config_unref(config);
	return json_pack("{s:s s:b s:o}", "file", path, "ok", 1, "warnings", warnings);
}

int main(int argc, char **argv)
{
	struct config_rules rules = {0};

	for (int i = 1; i < argc; i++) {
		json_t *line;

		if (text_equal(argv[i], "--files")) {
			rules.check_files = true;
			continue;
		}
		line = verdict(argv[i], &rules);
		if (!line || json_dumpf(line, stdout, JSON_COMPACT) < 0)
			return 1;
		json_decref(line);
		(void)putchar('\n');
	}
	return 0;
}
