/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct search;

/** States that are kept at a time. */
#define SEARCH_STATES_MAX 256

/**
 * search_new() - get ready to look for a pattern
 * @pattern: as program_of() takes it
 * @ret_reason: on -EINVAL, why
 *
 * Return: 0, -EINVAL, -ENOMEM.
 */
must_check int search_new(const char *pattern, struct search **ret_search, const char **ret_reason);

/** search_free() - NULL is allowed */
void search_free(struct search *s);

/**
 * search_finds() - whether the pattern is anywhere in a text
 * @text: @n_bytes, which may be anything
 *
 * Context: takes a time that grows with @n_bytes and with the pattern, whatever they are, and no
 * memory.
 */
bool search_finds(struct search *s, const char *text, size_t n_bytes);
