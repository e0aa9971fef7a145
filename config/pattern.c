/* SPDX-License-Identifier: MIT */

/*
 * Regular expressions of a config, held to what cannot hurt whoever matches them.
 *
 * They are matched against every line of a service or every request. The C library unrolls x{1,200}
 * into two hundred copies and nested ones multiply: `((a{1,255}){1,255}){1,255}` takes gigabytes to
 * compile. So all repetition counts of an expression are multiplied, as if each were inside of the
 * one before, and the product is bounded. Back-references need exponential time and are refused.
 */

#include "config/pattern.h"

#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#define REPEAT_MAX 1000

/* The highest count of "{m,n}", which begins at @brace. */
static uint64_t count_of(const char *brace)
{
	uint64_t count = 1, n = 0;

	for (const char *c = brace + 1; isdigit((unsigned char)*c) || *c == ','; c++) {
		n = *c == ',' ? 0 : MIN_OF(n * 10 + (uint64_t)(*c - '0'), REPEAT_MAX + 1);
		count = MAX_OF(count, n);
	}
	return count;
}

/* What a nesting of all repetitions would unroll to, at most REPEAT_MAX + 1 looked at. */
static bool repeats_too_often(const char *regex)
{
	uint64_t product = 1;

	for (const char *c = strchr(regex, '{'); c; c = strchr(c + 1, '{')) {
		product *= count_of(c);
		if (product > REPEAT_MAX)
			return true;
	}
	return false;
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
	regex_t compiled;
	int r;

	if (strlen(regex) > PATTERN_BYTES_MAX)
		return "longer than 256 bytes";
	if (has_back_reference(regex))
		return "a back-reference may take for ever";
	if (repeats_too_often(regex))
		return "it repeats more than 1000 times";
	r = regcomp(&compiled, regex, REG_EXTENDED | REG_NOSUB);
	if (r == 0) {
		regfree(&compiled);
		return NULL;
	}
	(void)regerror(r, &compiled, buf, PATTERN_FAULT_MAX);
	return buf;
}
