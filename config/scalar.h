/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

/**
 * scalar_text() - a string, number or boolean as the text that a program gets
 *
 * Integers are decimal, reals the shortest text that reads back as the same number, booleans "true"
 * and "false".
 *
 * Return: heap string; NULL with errno EINVAL for null, an array or an object, ENOMEM.
 */
char *scalar_text(const json_t *value);

/** scalar_argument() - the same, but an array, an object or null becomes compact JSON text */
char *scalar_argument(const json_t *value);

/** scalar_kind() - "a string", "an integer", "an object", … for errors */
const char *scalar_kind(const json_t *value);
