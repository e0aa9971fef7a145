/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/** Steps of a program. */
#define PROGRAM_STEPS_MAX 8192

/** enum step_kind - what a step does; the next one is the one behind it unless it says otherwise */
enum step_kind {
	STEP_BYTE,   /* take this byte: @a */
	STEP_SET,    /* take a byte of set number @a */
	STEP_JUMP,   /* go on at @a */
	STEP_SPLIT,  /* go on at @a and at @b */
	STEP_BEGIN,  /* only at the beginning of the text */
	STEP_END,    /* only at its end */
	STEP_EDGE,   /* only where a word begins or ends */
	STEP_INNER,  /* only where none does */
	STEP_WORD,   /* only where one begins */
	STEP_WORDED, /* only where one ends */
	STEP_FOUND,  /* the pattern has been found */
};

/**
 * struct step - one step of a program
 * @a @b: places are relative to the step
 */
struct step {
	enum step_kind kind;
	int a;
	int b;
};

/** struct byte_set - some of the 256 bytes */
struct byte_set {
	uint64_t bits[4];
};

/**
 * struct program - a pattern as steps that find it
 * @steps: @n_steps, the last is STEP_FOUND
 * @sets:  @n_sets
 * @looks_at_words: some step does
 */
struct program {
	struct step *steps;
	size_t n_steps;
	struct byte_set *sets;
	size_t n_sets;
	bool looks_at_words;
};

/** program_done() - free it; it is empty afterwards */
void program_done(struct program *p);

/**
 * program_of() - translate a POSIX extended regular expression
 * @ret_program: ended by program_done()
 * @ret_reason: on failure, why: the rest of a sentence
 *
 * Return: 0, -EINVAL when it is none or too long, -ENOMEM.
 */
must_check int program_of(const char *pattern, struct program *ret_program,
			  const char **ret_reason);

/** byte_set_has() - whether a byte is in a set */
bool byte_set_has(const struct byte_set *s, unsigned char byte);

/** byte_is_word() - whether it is a letter, a digit or an underscore */
bool byte_is_word(unsigned char byte);
