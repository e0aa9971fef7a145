/* SPDX-License-Identifier: MIT */

/*
 * What a pattern costs before it is compiled.
 *
 * regcomp(3) writes repetitions out: "x{3}" is "xxx", and "x+" is "xx*". One in another multiplies,
 * so that "((x{99}){99}){99}", or forty plus signs in a row, take all memory from a few bytes; its
 * tables grow with the square of what results (2,000 nested ones are 100 MB). This walks over a
 * pattern as regcomp does and multiplies numbers instead of trees. It need not understand what is
 * wrong with a pattern; regcomp does that afterwards.
 */

#include "log/pattern.h"

#include <string.h>

/**
 * struct level - an open group
 * @sum:  cost of what stands before the last atom
 * @atom: cost of the last atom, which a repetition behind it would multiply
 */
struct level {
	uint64_t sum;
	uint64_t atom;
};

static uint64_t cost_add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t cost_multiply(uint64_t a, uint64_t b)
{
	return b != 0 && a > UINT64_MAX / b ? UINT64_MAX : a * b;
}

static void level_atom(struct level *l, uint64_t cost)
{
	l->sum = cost_add(l->sum, l->atom);
	l->atom = cost;
}

/* Behind "[…]": a ] that stands first, and one in [:class:], do not end it. */
static const char *bracket_end(const char *p)
{
	p += *p == '^';
	p += *p == ']';
	while (*p && *p != ']') {
		if (p[0] == '[' && (p[1] == ':' || p[1] == '.' || p[1] == '=')) {
			const char closing[] = {p[1], ']', '\0'};
			const char *end = strstr(p + 2, closing);

			p = end ? end + 1 : p;
		}
		p++;
	}
	return *p ? p + 1 : p;
}

/* Behind "{m,n}", and how often it repeats at most; what is no repetition costs nothing. */
static const char *repetition_end(const char *p, uint64_t *ret_times)
{
	char *end;
	uint64_t low = strtoull(p, &end, 10), high;

	*ret_times = 1;
	high = low;
	if (*end == ',') {
		const char *second = end + 1;

		high = strtoull(second, &end, 10);
		if (end == second)
			high = cost_add(low, 1); /* "{3,}" is "xxxx*" */
	}
	if (*end != '}')
		return p;
	*ret_times = MAX_OF(MAX_OF(low, high), UINT64_C(1));
	return end + 1;
}

uint64_t pattern_cost(const char *pattern)
{
	struct level levels[PATTERN_DEPTH_MAX] = {0}, *top = levels;
	const char *p = pattern;
	uint64_t times;

	while (*p) {
		char c = *p++;

		if (c == '(') {
			if (top == &levels[PATTERN_DEPTH_MAX - 1])
				return UINT64_MAX;
			*++top = (struct level){0};
		} else if (c == ')' && top > levels) {
			times = cost_add(cost_add(top->sum, top->atom), 1);
			level_atom(--top, times);
		} else if (c == '+') {
			top->atom = cost_multiply(top->atom, 2);
		} else if (c == '{') {
			p = repetition_end(p, &times);
			top->atom = cost_multiply(top->atom, times);
		} else if (c == '*' || c == '?') {
			top->atom = cost_add(top->atom, 1);
		} else {
			if (c == '[')
				p = bracket_end(p);
			else if (c == '\\' && *p)
				p++;
			level_atom(top, 1);
		}
	}
	while (top > levels) {
		times = cost_add(top->sum, top->atom);
		level_atom(--top, times);
	}
	return cost_add(top->sum, top->atom);
}
