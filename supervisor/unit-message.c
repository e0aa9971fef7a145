/* SPDX-License-Identifier: MIT */

/*
 * Properties as they travel: each is a name and a variant of its type. What may be empty, and
 * empties what was there before, is an array.
 */

#include "supervisor/unit-message.h"

#include <string.h>
#include <sys/mount.h>

#include "supervisor/unit-properties.h"

static int add_rate(const struct bus_library *l, sd_bus_message *m, const struct unit_property *p)
{
	if (!p->text)
		return l->sd_bus_message_append(m, "v", "a(st)", 0);
	return l->sd_bus_message_append(m, "v", "a(st)", 1, p->text, p->number);
}

static int add_bytes(const struct bus_library *l, sd_bus_message *m, const struct unit_property *p)
{
	int r = l->sd_bus_message_open_container(m, 'v', "ay");

	if (r >= 0)
		r = l->sd_bus_message_append_array(m, 'y', p->bytes, (size_t)p->number);
	return r < 0 ? r : l->sd_bus_message_close_container(m);
}

/* (exit codes, signals) */
static int add_codes(const struct bus_library *l, sd_bus_message *m, const struct unit_property *p)
{
	int r = l->sd_bus_message_open_container(m, 'v', "(aiai)");

	if (r >= 0)
		r = l->sd_bus_message_open_container(m, 'r', "aiai");
	if (r >= 0)
		r = l->sd_bus_message_open_container(m, 'a', "i");
	for (uint64_t i = 0; r >= 0 && i < p->number; i++)
		r = l->sd_bus_message_append(m, "i", (int32_t)p->bytes[i]);
	if (r >= 0)
		r = l->sd_bus_message_close_container(m);
	if (r >= 0)
		r = l->sd_bus_message_append(m, "ai", 0);
	if (r >= 0)
		r = l->sd_bus_message_close_container(m);
	return r < 0 ? r : l->sd_bus_message_close_container(m);
}

static int add_words(const struct bus_library *l, sd_bus_message *m, const char *const *words)
{
	int r = l->sd_bus_message_open_container(m, 'a', "s");

	for (; r >= 0 && *words; words++)
		r = l->sd_bus_message_append(m, "s", *words);
	return r < 0 ? r : l->sd_bus_message_close_container(m);
}

static int add_list(const struct bus_library *l, sd_bus_message *m, const struct unit_property *p)
{
	int r = l->sd_bus_message_open_container(m, 'v', "as");

	if (r >= 0)
		r = add_words(l, m, p->argv);
	return r < 0 ? r : l->sd_bus_message_close_container(m);
}

/* (whether these and no others, words) */
static int add_allowed(const struct bus_library *l, sd_bus_message *m, const char *const *words)
{
	int r = l->sd_bus_message_open_container(m, 'v', "(bas)");

	if (r >= 0)
		r = l->sd_bus_message_open_container(m, 'r', "bas");
	if (r >= 0)
		r = l->sd_bus_message_append(m, "b", 1);
	if (r >= 0)
		r = add_words(l, m, words);
	if (r >= 0)
		r = l->sd_bus_message_close_container(m);
	return r < 0 ? r : l->sd_bus_message_close_container(m);
}

/* (source, destination, whether it may be missing, MS_REC) */
static int add_binds(const struct bus_library *l, sd_bus_message *m, const char *const *paths)
{
	int r = l->sd_bus_message_open_container(m, 'v', "a(ssbt)");

	if (r >= 0)
		r = l->sd_bus_message_open_container(m, 'a', "(ssbt)");
	for (; r >= 0 && *paths; paths++)
		r = l->sd_bus_message_append(m, "(ssbt)", *paths, *paths, 0, (uint64_t)MS_REC);
	if (r >= 0)
		r = l->sd_bus_message_close_container(m);
	return r < 0 ? r : l->sd_bus_message_close_container(m);
}

static int add_pair(const struct bus_library *l, sd_bus_message *m, const char *pair)
{
	size_t len = strcspn(pair, ":");
	cleanup_free char *first = strndup(pair, len);

	if (!first)
		return -ENOMEM;
	return l->sd_bus_message_append(m, "(ss)", first, pair + len + 1);
}

static int add_pairs(const struct bus_library *l, sd_bus_message *m, const char *const *pairs)
{
	int r = l->sd_bus_message_open_container(m, 'v', "a(ss)");

	if (r >= 0)
		r = l->sd_bus_message_open_container(m, 'a', "(ss)");
	for (; r >= 0 && *pairs; pairs++)
		r = add_pair(l, m, *pairs);
	if (r >= 0)
		r = l->sd_bus_message_close_container(m);
	return r < 0 ? r : l->sd_bus_message_close_container(m);
}

/* (path, argv, whether its failure is ignored) */
static int add_command(const struct bus_library *l, sd_bus_message *m, const char *const *argv)
{
	int r = l->sd_bus_message_open_container(m, 'r', "sasb");

	if (r >= 0)
		r = l->sd_bus_message_append(m, "s", argv[0]);
	if (r >= 0)
		r = add_words(l, m, argv);
	if (r >= 0)
		r = l->sd_bus_message_append(m, "b", 0);
	return r < 0 ? r : l->sd_bus_message_close_container(m);
}

static int add_program(const struct bus_library *l, sd_bus_message *m,
		       const struct unit_property *p)
{
	int r = l->sd_bus_message_open_container(m, 'v', "a(sasb)");

	if (r >= 0)
		r = l->sd_bus_message_open_container(m, 'a', "(sasb)");
	if (r >= 0)
		r = add_command(l, m, p->argv);
	if (r >= 0)
		r = l->sd_bus_message_close_container(m);
	return r < 0 ? r : l->sd_bus_message_close_container(m);
}

static int add_value(const struct bus_library *l, sd_bus_message *m, const struct unit_property *p)
{
	switch (p->type) {
	case UNIT_TEXT:
		return l->sd_bus_message_append(m, "v", "s", p->text);
	case UNIT_FLAG:
		return l->sd_bus_message_append(m, "v", "b", (int)p->number);
	case UNIT_NUMBER:
		return l->sd_bus_message_append(m, "v", "t", p->number);
	case UNIT_COUNT:
		return l->sd_bus_message_append(m, "v", "u", (uint32_t)p->number);
	case UNIT_INTEGER:
		return l->sd_bus_message_append(m, "v", "i", (int32_t)p->number);
	case UNIT_WORDS:
		return add_list(l, m, p);
	case UNIT_PROGRAM:
		return add_program(l, m, p);
	case UNIT_RATE:
		return add_rate(l, m, p);
	case UNIT_BYTES:
		return add_bytes(l, m, p);
	case UNIT_CODES:
		return add_codes(l, m, p);
	case UNIT_ALLOWED:
		return add_allowed(l, m, p->argv);
	case UNIT_BINDS:
		return add_binds(l, m, p->argv);
	case UNIT_PAIRS:
		return add_pairs(l, m, p->argv);
	case UNIT_TYPE_COUNT:
		break;
	}
	return -EINVAL;
}

static int add_property(const struct bus_library *l, sd_bus_message *m,
			const struct unit_property *p)
{
	int r = l->sd_bus_message_open_container(m, 'r', "sv");

	if (r >= 0)
		r = l->sd_bus_message_append(m, "s", p->name);
	if (r >= 0)
		r = add_value(l, m, p);
	return r < 0 ? r : l->sd_bus_message_close_container(m);
}

int unit_message_add(const struct bus_library *l, sd_bus_message *m,
		     const struct unit_properties *p)
{
	int r = l->sd_bus_message_open_container(m, 'a', "(sv)");

	for (size_t i = 0; r >= 0 && i < p->n; i++)
		r = add_property(l, m, &p->items[i]);
	if (r >= 0)
		r = l->sd_bus_message_close_container(m);
	return MIN_OF(r, 0);
}
