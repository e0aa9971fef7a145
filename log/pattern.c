/* SPDX-License-Identifier: MIT */

/*
 * What a pattern costs before it is compiled.
 *
 * regcomp(3) writes repetitions out: "x{3}" is "xxx", and "x+" is "xx*". One in another multiplies,
 * so that "((x{99}){99}){99}", or forty plus signs in a row, take all memory from a few bytes; its
 * tables grow with the square of what results (2,000 nested ones are 100 MB). This walks over a
 * pattern as regcomp does and multiplies numbers instead of trees. It need not understand what is
 * wrong with a pattern; log/program.c does that afterwards.
 *
 * And which text is in each line that it matches: most patterns have one, and looking for that is
 * faster than a search by the pattern, which then only sees the few lines that may match. What is
 * in a group, or repeated, is left out, and a pattern that offers a choice has none.
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

/* --- the fixed part --------------------------------------------------------------------------- */

/**
 * struct run - characters that follow each other in the pattern and in all that it matches
 * @best: the longest so far, of @n_best bytes
 */
struct run {
	char bytes[PATTERN_BYTES_MAX];
	size_t n;
	char *best;
	size_t n_best;
};

static void run_add(struct run *run, char c)
{
	if (run->n < sizeof(run->bytes))
		run->bytes[run->n++] = c;
}

static void run_end(struct run *run)
{
	if (run->n > run->n_best) {
		memcpy(run->best, run->bytes, run->n);
		run->n_best = run->n;
	}
	run->n = 0;
}

/* The last character, of however many bytes, may not be there at all. */
static void run_drop_last(struct run *run)
{
	while (run->n > 0 && (run->bytes[run->n - 1] & 0xc0) == 0x80)
		run->n--;
	run->n -= run->n > 0;
}

/* Behind a group, which is not looked into. */
static const char *group_end(const char *p)
{
	for (int depth = 1; *p && depth > 0;) {
		char c = *p++;

		depth += (c == '(') - (c == ')');
		if (c == '[')
			p = bracket_end(p);
		else if (c == '\\' && *p)
			p++;
	}
	return p;
}

/* Behind all repetitions of what stands before; NULL when it is not clear what a brace means. */
static const char *repetitions_end(struct run *run, const char *p)
{
	bool once_at_least = true;

	for (; *p && strchr("*+?{", *p); p++) {
		once_at_least &= *p == '+';
		if (*p == '{')
			p += 1 + strspn(p + 1, "0123456789,");
		if (*p == '\0' || (p[0] != '}' && !strchr("*+?", *p)))
			return NULL;
	}
	if (!once_at_least)
		run_drop_last(run);
	run_end(run);
	return p;
}

size_t pattern_fixed(const char *pattern, char ret[static PATTERN_BYTES_MAX])
{
	struct run run = {.best = ret};

	for (const char *p = pattern; p && *p;) {
		char c = *p++;

		if (c == '|')
			return 0;
		if (strchr("*+?{", c)) {
			p = repetitions_end(&run, p - 1);
			if (!p)
				return 0;
		} else if (strchr("().[^$", c)) {
			run_end(&run);
			p = c == '(' ? group_end(p) : c == '[' ? bracket_end(p) : p;
		} else if (c == '\\' && (*p == '\0' || !strchr("\\.[](){}*+?^$|/-\"", *p))) {
			run_end(&run); /* a word's end, a digit, …: what glibc makes of it */
			p += *p != '\0';
		} else {
			run_add(&run, c == '\\' ? *p++ : c);
		}
	}
	run_end(&run);
	return run.n_best;
}
