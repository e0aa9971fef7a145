/* SPDX-License-Identifier: MIT */
#include "lib/dotenv.h"

#include <string.h>

#include "lib/error.h"
#include "lib/text.h"
#include "tests/fuzz/fuzz.h"

/*
 * Env files: what is accepted has names that a shell would accept, each once; what is refused has
 * a reason and leaves nothing.
 */

static size_t name_len(const char *pair)
{
	const char *equals = strchr(pair, '=');

	fuzz_require(equals && equals != pair);
	fuzz_require(pair[0] < '0' || pair[0] > '9');
	for (const char *c = pair; c < equals; c++)
		fuzz_require((*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z') || *c == '_' ||
			     (*c >= '0' && *c <= '9'));
	return (size_t)(equals - pair) + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_strings char **env = NULL;
	struct error err = {0};
	int r = dotenv_parse((const char *)data, size, &env, &err);

	if (r < 0) {
		fuzz_require(!env && err.code == r && err.text[0] != '\0');
		return 0;
	}
	fuzz_require(strings_len(env) <= DOTENV_VARIABLES_MAX);
	for (size_t i = 0; env[i]; i++) {
		size_t len = name_len(env[i]);

		for (size_t j = 0; j < i; j++)
			fuzz_require(strncmp(env[i], env[j], len) != 0);
	}
	return 0;
}
