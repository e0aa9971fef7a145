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
	while (*paths)
		paths++;
	*paths = path;
}

/* What may be written is seen anyway. */
static void add_read(struct sandbox *s, const char *path)
{
	if (!path || path[0] != '/')
		return;
	for (size_t i = 0; s->writes[i]; i++)
		if (text_equal(s->writes[i], path))
			return;
	add(s->reads, path);
}

struct sandbox sandbox_of(const struct config_process *p, const char *home, const char *run)
{
	struct sandbox s = {
		.is_on = p->sandbox == CONFIG_SANDBOX_DEFAULT,
		.credentials = p->credentials,
	};

	add(s.writes, run);
	for (size_t i = 0; i < strings_len(p->writable); i++)
		add(s.writes, p->writable[i]);
	add_read(&s, p->cwd);
	add_read(&s, p->script);
	add_read(&s, p->argv[0]);
	add_read(&s, home);
	return s;
}
