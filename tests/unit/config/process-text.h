/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/text.h"
#include "tests/unit/config/config-text.h"

/*
 * Configs of one process `s`, for tests. Header only, as config-text.h.
 */

/** config_with() - a config of one process `s` with these members. */
static inline struct config *config_with(const char *members)
{
	cleanup_text struct text t = {0};

	text_addf(&t, "{'processes': {'s': {%s}}}", members);
	return config_of(t.data);
}

/** error_with() - what is said about a process `s` that has these members beside a command. */
static inline const char *error_with(const char *members)
{
	cleanup_text struct text t = {0};
	const char *error;

	text_addf(&t, "{'processes': {'s': {'command': 'p', %s}}}", members);
	error = config_error(t.data);
	assert_int_equal(strncmp(error, "1: ", 3), 0);
	return error + 3;
}

/** assert_error_with() - this is wrong, and this is how it is said */
#define assert_error_with(members, said) assert_string_equal(error_with(members), said)

/** words() - "[one][two]" */
static inline char *words(char *const *strings)
{
	struct text t = {0};

	for (; strings && *strings; strings++)
		text_addf(&t, "[%s]", *strings);
	return text_take(&t);
}
