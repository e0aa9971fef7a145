/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/**
 * strings_add() - append to a NULL-terminated vector
 * @strings: a vector that strings_free() frees, or NULL
 * @s:       heap string, taken in any case; NULL (out of memory) is an error
 *
 * Return: 0 or -ENOMEM.
 */
must_check int strings_add(char ***strings, char *s);

/**
 * strings_join() - move all of @more behind the end of a vector; @more is NULL afterwards
 *
 * Return: 0, or -ENOMEM with both as they were.
 */
must_check int strings_join(char ***strings, char ***more);

/** strings_equal() - whether two vectors hold the same in the same order; NULL is empty */
bool strings_equal(char *const *a, char *const *b);
