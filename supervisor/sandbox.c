/* SPDX-License-Identifier: MIT */

/*
 * What a payload may see and touch, before a launcher makes it so: a list of what it needs to see,
 * another one of what may change. Its own folder is only in the first: what a program that was
 * broken into could rewrite, it would run at its next start.
 */

#include "supervisor/sandbox.h"

#include "lib/text.h"

static void add(const char **paths, const char *path)
{
	if (!path || path[0] != '/')
		return;
	while (*paths)
		paths++;
	*paths = path;
}

struct sandbox sandbox_of(const struct config_process *p, const char *home, const char *run)
{
	struct sandbox s = {
		.is_on = p->sandbox == CONFIG_SANDBOX_DEFAULT,
		.credentials = p->credentials,
	};

	add(s.reads, p->cwd);
	add(s.reads, p->script);
	add(s.reads, p->argv[0]);
	add(s.reads, home);
	add(s.writes, run);
	for (size_t i = 0; i < strings_len(p->writable); i++)
		add(s.writes, p->writable[i]);
	return s;
}
