/* SPDX-License-Identifier: MIT */

/*
 * Names of units, escaped twice: a "-" inside one of our names would be a level of slices, or the
 * end of the name, so it becomes "\x2d" as systemd-escape(1) writes it; and in an object path of
 * the bus whatever is no letter or digit becomes "_" and two hexadecimal digits. Both can be read
 * back, which is how a unit that changes is known to be ours.
 */

#include "supervisor/unit-name.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lib/text.h"

#define PREFIX "slicekeep-"
#define SERVICE ".service"
#define ESCAPED_DASH "\\x2d"
#define PATH_PREFIX "/org/freedesktop/systemd1/unit/"

/** Largest number of a slot. */
#define INSTANCE_MAX 9999

/* Text that grows as far as there is room. */
struct out {
	char *text;
	size_t len;
	size_t max;
};

static void put(struct out *o, const char *text)
{
	for (; *text && o->len + 1 < o->max; text++)
		o->text[o->len++] = *text;
	o->text[o->len] = '\0';
}

/* Of what our names may hold, only the dash means something to systemd. */
static void put_escaped(struct out *o, const char *name)
{
	char one[2] = "";

	for (; *name; name++) {
		one[0] = *name;
		put(o, *name == '-' ? ESCAPED_DASH : one);
	}
}

void unit_name_service(const char *name, unsigned instance, char ret_unit[static UNIT_NAME_MAX])
{
	struct out o = {.text = ret_unit, .max = UNIT_NAME_MAX};
	char number[32];

	snprintf(number, sizeof(number), "-%u" SERVICE, instance);
	put(&o, PREFIX);
	put_escaped(&o, name);
	put(&o, number);
}

void unit_name_slice(const char *group, char ret_unit[static UNIT_NAME_MAX])
{
	struct out o = {.text = ret_unit, .max = UNIT_NAME_MAX};

	put(&o, "slicekeep");
	if (group) {
		put(&o, "-");
		put_escaped(&o, group);
	}
	put(&o, ".slice");
}

/* The @len bytes of an escaped name. Return: whether it was one of ours. */
static bool unescape(const char *escaped, size_t len, char name[static UNIT_NAME_MAX])
{
	size_t n = 0;

	if (len >= UNIT_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; n++) {
		bool dash = strncmp(escaped + i, ESCAPED_DASH, strlen(ESCAPED_DASH)) == 0;

		if (escaped[i] == '-')
			return false;
		name[n] = dash ? '-' : escaped[i];
		i += dash ? strlen(ESCAPED_DASH) : 1;
	}
	name[n] = '\0';
	return text_name_valid(name);
}

bool unit_name_parse(const char *unit, char ret_name[static UNIT_NAME_MAX], unsigned *ret_instance)
{
	const char *name = unit + strlen(PREFIX);
	const char *dash = strrchr(unit, '-');
	char parsed[UNIT_NAME_MAX];
	unsigned long instance;
	char *end;

	if (!text_starts(unit, PREFIX) || dash <= name || !isdigit((unsigned char)dash[1]))
		return false;
	instance = strtoul(dash + 1, &end, 10);
	if (instance > INSTANCE_MAX || strcmp(end, SERVICE) != 0)
		return false;
	if (!unescape(name, (size_t)(dash - name), parsed))
		return false;
	memcpy(ret_name, parsed, sizeof(parsed));
	*ret_instance = (unsigned)instance;
	return true;
}

void unit_name_path(const char *unit, char ret_path[static UNIT_PATH_MAX])
{
	struct out o = {.text = ret_path, .max = UNIT_PATH_MAX};
	char one[4];

	put(&o, PATH_PREFIX);
	for (; *unit; unit++) {
		if (isalnum((unsigned char)*unit))
			snprintf(one, sizeof(one), "%c", *unit);
		else
			snprintf(one, sizeof(one), "_%02x", (unsigned char)*unit);
		put(&o, one);
	}
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool unit_name_of_path(const char *path, char ret_unit[static UNIT_NAME_MAX])
{
	size_t n = 0;

	if (!text_starts(path, PATH_PREFIX))
		return false;
	for (path += strlen(PATH_PREFIX); *path; path++) {
		int high = *path == '_' ? hex(path[1]) : 0;
		int low = *path == '_' && high >= 0 ? hex(path[2]) : 0;

		if (high < 0 || low < 0 || n + 1 >= UNIT_NAME_MAX)
			return false;
		ret_unit[n++] = *path == '_' ? (char)(high << 4 | low) : *path;
		path += *path == '_' ? 2 : 0;
	}
	ret_unit[n] = '\0';
	return n > 0;
}
