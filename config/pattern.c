/* SPDX-License-Identifier: MIT */

/*
 * Regular expressions of a config, held to what cannot hurt whoever matches them.
 *
 * They are matched against every line of a service or every request. The C library compiles a
 * repetition by copying what is repeated, x{1,200} two hundred times and x+ once, and nested ones
 * multiply: `((a{1,255}){1,255}){1,255}` takes gigabytes, and so does a `+` behind thirty others.
 * So the size of what it would build is added up here first, with the same reading of groups and
 * brackets, and bounded. A repetition right behind another one means nothing, and a hundred of them
 * take seconds; back-references need exponential time: both are refused.
 */

#include "config/pattern.h"

#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#define COST_MAX 1000

/**
 * struct estimate - how much the C library would build for the expression up to here
 * @sums:  for each group that is open: all of it so far
 * @last:  what a repetition that comes next would copy
 * @is_repetition: the part before was one
 * @is_stacked: "a**", or ".*?", which other languages read in another way
 */
struct estimate {
	uint64_t sums[PATTERN_BYTES_MAX + 1];
	size_t level;
	uint64_t last;
	bool too_much;
	bool is_repetition;
	bool is_stacked;
};

static void add_atom(struct estimate *e, uint64_t cost)
{
	e->last = cost;
	e->sums[e->level] += cost;
}

static void repeat(struct estimate *e, uint64_t count)
{
	e->sums[e->level] += e->last * (count - 1);
	e->last *= count;
	e->too_much = e->too_much || e->sums[e->level] > COST_MAX;
}

static void open_group(struct estimate *e)
{
	e->sums[++e->level] = 0;
	e->last = 1;
}

/* One that nothing opened stands for itself. */
static void close_group(struct estimate *e)
{
	if (e->level == 0) {
		add_atom(e, 1);
		return;
	}
	e->level--;
	add_atom(e, e->sums[e->level + 1] + 1);
}

/* How many copies "{m,n}" makes; @brace is at its beginning. */
static uint64_t count_of(const char *brace)
{
	uint64_t count = 1, n = 0;

	for (const char *c = brace + 1; isdigit((unsigned char)*c) || *c == ','; c++) {
		n = *c == ',' ? 0 : MIN_OF(n * 10 + (uint64_t)(*c - '0'), COST_MAX);
		count = MAX_OF(count, n + 1);
	}
	return count;
}

/* The end of "[…]", which begins at @c: a ']' that comes first is one of the characters. */
static const char *bracket_end(const char *c)
{
	c += c[1] == '^' ? 2 : 1;
	if (*c == ']')
		c++;
	for (; *c && *c != ']'; c++) {
		char closing[] = {c[1], ']', 0};
		const char *end;

		if (*c != '[' || !c[1] || !strchr(":.=", c[1]))
			continue;
		end = strstr(c + 2, closing);
		if (!end)
			return c + strlen(c);
		c = end + 1;
	}
	return c;
}

static bool is_repetition(char c)
{
	return c == '*' || c == '?' || c == '+' || c == '{';
}

/* Return: behind the repetition that begins at @c. */
static const char *add_repetition(struct estimate *e, const char *c)
{
	const char *end = c + 1;

	if (*c == '{') {
		repeat(e, count_of(c));
		end += strspn(end, "0123456789,");
		return *end == '}' ? end + 1 : end;
	}
	repeat(e, *c == '+' ? 2 : 1);
	return end;
}

/* Return: behind what is no repetition and begins at @c. */
static const char *add_other(struct estimate *e, const char *c)
{
	switch (*c) {
	case '(':
		open_group(e);
		return c + 1;
	case ')':
		close_group(e);
		return c + 1;
	case '[':
		add_atom(e, 1);
		c = bracket_end(c);
		return *c ? c + 1 : c;
	case '\\':
		add_atom(e, 1);
		return c[1] ? c + 2 : c + 1;
	default:
		add_atom(e, 1);
		return c + 1;
	}
}

static struct estimate estimate_of(const char *regex)
{
	struct estimate e = {.last = 1};

	for (const char *c = regex; *c && !e.too_much;) {
		bool was_repetition = e.is_repetition;

		e.is_repetition = is_repetition(*c);
		if (e.is_repetition && was_repetition)
			e.is_stacked = true;
		c = e.is_repetition ? add_repetition(&e, c) : add_other(&e, c);
	}
	return e;
}

static bool has_back_reference(const char *regex)
{
	for (const char *c = strchr(regex, '\\'); c && c[1]; c = strchr(c + 2, '\\')) {
		if (c[1] >= '1' && c[1] <= '9')
			return true;
	}
	return false;
}

const char *pattern_fault(const char *regex, char buf[static PATTERN_FAULT_MAX])
{
	struct estimate e;
	regex_t compiled;
	int r;

	if (strlen(regex) > PATTERN_BYTES_MAX)
		return "longer than 256 bytes";
	if (has_back_reference(regex))
		return "a back-reference may take for ever";
	e = estimate_of(regex);
	if (e.is_stacked)
		return "a repetition right behind another one";
	if (e.too_much)
		return "its repetitions add up to too much";
	r = regcomp(&compiled, regex, REG_EXTENDED | REG_NOSUB);
	if (r == 0) {
		regfree(&compiled);
		return NULL;
	}
	(void)regerror(r, &compiled, buf, PATTERN_FAULT_MAX);
	return buf;
}
