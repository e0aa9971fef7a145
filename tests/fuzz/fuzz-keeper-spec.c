/* SPDX-License-Identifier: MIT */
#include "supervisor/keeper/spec.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

/*
 * Specs: what is accepted can be run as it stands, within its bounds, and with room for what the
 * keeper adds; what is refused has a reason that can be shown.
 */

static bool is_printable(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	}
	return true;
}

static void check(const struct spec *s, const char *map, size_t size)
{
	fuzz_require(s->n_argv >= 1 && s->n_argv <= SPEC_ARGV_MAX && *s->argv[0]);
	fuzz_require(s->n_env <= SPEC_ENV_MAX && s->n_groups <= SPEC_GROUPS_MAX);
	fuzz_require(!s->argv[s->n_argv] && !s->env[s->n_env]);
	for (size_t i = 0; i < s->n_argv; i++)
		fuzz_require(s->argv[i] > map && s->argv[i] < map + size);
	for (size_t i = 0; i < s->n_env; i++)
		fuzz_require(strchr(s->env[i], '=') > s->env[i] && !spec_is_own(s->env[i]));
	for (size_t i = 0; i < SPEC_ENV_OWN; i++)
		s->env[s->n_env + i] = NULL;
	for (size_t i = 0; i < s->n_groups; i++)
		fuzz_require(s->groups[i] != (gid_t)-1);
	fuzz_require(s->stop_signal >= 1 && s->stop_signal <= 64);
	fuzz_require(*s->name && strlen(s->name) < INTAKE_NAME_MAX);
	fuzz_require(!s->cwd || s->cwd[0] == '/');
	fuzz_require(s->has_gid || (!s->has_uid && s->n_groups == 0));
	fuzz_require(s->rule.backoff.delay_usec <= SPEC_DELAY_MAX_USEC);
	fuzz_require(s->oom_score >= -1001 && s->oom_score <= 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spec_fault fault = {0};
	struct spec s;
	char *map;
	int r;

	if (size > SPEC_BYTES_MAX + 1)
		return 0;
	map = malloc(spec_room(size));
	if (!map)
		return 0;
	if (size > 0)
		memcpy(map, data, size);
	r = spec_parse(map, size, &s, &fault);
	if (r < 0)
		fuzz_require(fault.text[0] && strlen(fault.text) < sizeof(fault.text) &&
			     is_printable(fault.text));
	else
		check(&s, map, size);
	free(map);
	return 0;
}
