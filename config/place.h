/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct text;

/** Containers inside each other in a config file, at most; deeper ones are refused. */
#define CONFIG_DEPTH_MAX 32

/** Parts that a place remembers; a dialect may make a place two parts longer than it was. */
#define PLACE_PARTS_MAX (CONFIG_DEPTH_MAX + 4)

/** struct place_part - one step down: a member when @key is set, otherwise an element */
struct place_part {
	const char *key;
	size_t index;
};

/**
 * struct place - where in a JSON document: processes.shop.ports.0
 * @parts:   borrowed keys
 * @n_parts: steps from the top; what is beyond PLACE_PARTS_MAX is counted, not remembered
 */
struct place {
	struct place_part parts[PLACE_PARTS_MAX];
	size_t n_parts;
};

/** place_push_key() - one step down into the member @key, which must outlive the step */
void place_push_key(struct place *w, const char *key);

/** place_push_index() - one step down into an array */
void place_push_index(struct place *w, size_t index);

/** place_pop() - one step up */
void place_pop(struct place *w);

/** place_add_text() - append "processes.shop.ports.0"; unusual keys are quoted and escaped */
void place_add_text(const struct place *w, struct text *t);

/**
 * place_line() - the line that a place is on
 * @w:    where; what is not there leads to the nearest container that is
 * @text: @len bytes of valid JSON
 *
 * Return: line number from 1.
 */
unsigned place_line(const struct place *w, const char *text, size_t len);
