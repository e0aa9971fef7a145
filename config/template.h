/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/** The variable that stays as it is: the supervisor knows it, for each slot another one. */
#define TEMPLATE_PORT "${PORT}"

/** struct span - a stretch of somebody else's text */
struct span {
	const char *s;
	size_t len;
};

enum template_kind {
	TEMPLATE_TEXT,
	TEMPLATE_VARIABLE, /* the text is its name, without the braces */
	TEMPLATE_OPEN,     /* from a "${" without an end to the end */
};

/** struct template_piece - the next piece of a text, @n_consumed bytes of it */
struct template_piece {
	enum template_kind kind;
	struct span text;
	size_t n_consumed;
};

/**
 * template_next() - cut the next piece off a text that may hold variables
 * @s: not empty
 *
 * `$${` is the text "${". Braces around what is no name of a variable (`${f%.js}`) are text, and so
 * is ${PORT}.
 */
struct template_piece template_next(const char *s);

/** template_has_variables() - whether anything in @s is more than text */
bool template_has_variables(const char *s);
