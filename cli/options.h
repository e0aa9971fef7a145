/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct error;

enum option_kind {
	OPTION_FLAG,   /* bool */
	OPTION_TEXT,   /* const char *, borrowed from argv */
	OPTION_NUMBER, /* uint64_t */
};

/**
 * struct option_row - one option; the same row reads it, explains it and completes it
 * @name:   long name without dashes
 * @letter: short form, or 0
 * @offset: where in the verb's struct of options it goes
 * @value:  what `help` calls its value, NULL for a flag
 * @help:   one line
 */
struct option_row {
	const char *name;
	char letter;
	enum option_kind kind;
	size_t offset;
	const char *value;
	const char *help;
};

/**
 * struct options_rest - the words that are no options; both point into the argv that was read
 * @words: those before "--", NULL-terminated
 * @tail:  those behind "--", NULL-terminated, or NULL when there was no "--"
 */
struct options_rest {
	char **words;
	size_t n_words;
	char **tail;
};

/**
 * options_read() - read "-w", "-n 5", "-n5", "-fn5", "--grep RE", "--grep=RE", anywhere before "--"
 * @argv:   NULL-terminated, without the verb; reordered
 * @target: struct that the rows point into; what is not given keeps its value
 *
 * Return: 0, or -EINVAL with a text ("unknown option …, did you mean …").
 */
must_check int options_read(const struct option_row *rows, size_t n_rows, char **argv, void *target,
			    struct options_rest *ret_rest, struct error *err);
