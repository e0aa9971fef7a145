/* SPDX-License-Identifier: MIT */
#pragma once

#include <string.h>

#include "lib/error.h"
#include "config/load.h"
#include "config/model.h"

/*
 * Configs as texts, for tests. Texts are written with ' instead of ", so that they can be read.
 * Header only, so that a test still lists the .c files of the project alone.
 */

#define CONFIG_TEXT_PATH "/srv/keep/config.json"

/** json_quotes() - a copy of @s with each ' made a " */
static inline char *json_quotes(const char *s)
{
	char *copy = strdup(s);

	if (!copy)
		abort();
	for (char *c = copy; *c; c++) {
		if (*c == '\'')
			*c = '"';
	}
	return copy;
}

/** config_try() - parse a text that may be wrong */
static inline int config_try(const char *text, struct config **ret, struct error *err)
{
	static const struct config_rules rules;
	cleanup_free char *json = json_quotes(text);

	return config_parse(json, strlen(json), CONFIG_TEXT_PATH, &rules, ret, err);
}

/** config_of() - parse a text that is right; says why not and ends the test program otherwise */
static inline struct config *config_of(const char *text)
{
	struct config *c = NULL;
	struct error err = {0};

	if (config_try(text, &c, &err) < 0)
		fail_msg("%s", err.text);
	return c;
}

/** config_error() - what is said about a text that is wrong, without the path of the file */
static inline const char *config_error(const char *text)
{
	static struct error err;
	struct config *c = NULL;

	err = (struct error){0};
	assert_int_equal(config_try(text, &c, &err), -EINVAL);
	assert_null(c);
	assert_int_equal(strncmp(err.text, CONFIG_TEXT_PATH ":", strlen(CONFIG_TEXT_PATH) + 1), 0);
	return err.text + strlen(CONFIG_TEXT_PATH) + 1;
}

/** assert_config_error() - a text is wrong, and this is how it is said: "LINE: PLACE: what" */
#define assert_config_error(text, said) assert_string_equal(config_error(text), said)
