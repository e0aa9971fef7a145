/* SPDX-License-Identifier: MIT */

/*
 * Texts with variables in them, cut into pieces. Pure: what a variable stands for is found
 * elsewhere.
 */

#include "config/template.h"

#include <ctype.h>
#include <string.h>

#include "lib/text.h"

static bool is_name(struct span name)
{
	for (size_t i = 0; i < name.len; i++) {
		if (!isalnum((unsigned char)name.s[i]) && !strchr("_.:-", name.s[i]))
			return false;
	}
	return name.len > 0;
}

/* @s begins with "${". */
static struct template_piece braces(const char *s)
{
	const char *end = strchr(s, '}');
	struct span inside;

	if (!end)
		return (struct template_piece){TEMPLATE_OPEN, {s, strlen(s)}, strlen(s)};
	inside = (struct span){s + 2, (size_t)(end - s) - 2};
	if (!is_name(inside) || text_starts(s, TEMPLATE_PORT))
		return (struct template_piece){TEMPLATE_TEXT, {s, 2}, 2};
	return (struct template_piece){TEMPLATE_VARIABLE, inside, inside.len + 3};
}

struct template_piece template_next(const char *s)
{
	const char *mark = strstr(s, "${");
	size_t len = mark ? (size_t)(mark - s) : strlen(s);

	if (len == 0)
		return braces(s);
	if (!mark || mark[-1] != '$')
		return (struct template_piece){TEMPLATE_TEXT, {s, len}, len};
	if (len == 1)
		return (struct template_piece){TEMPLATE_TEXT, {mark, 2}, 3};
	return (struct template_piece){TEMPLATE_TEXT, {s, len - 1}, len - 1};
}

bool template_has_variables(const char *s)
{
	return strstr(s, "${") != NULL;
}
