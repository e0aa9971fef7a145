/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct text;

/*
 * JSON written straight into a text, for what is said often: nothing is built, so nothing is
 * allocated but the text. A failed allocation is remembered by the text.
 *
 * @key is a member's name, one of our own words; NULL writes an element of an array.
 */

/** json_write_open() - begin an object, @bracket '{', or an array, '[' */
void json_write_open(struct text *t, const char *key, char bracket);

/** json_write_close() - end it: '}' or ']' */
void json_write_close(struct text *t, char bracket);

/** json_write_string() - bytes that are no UTF-8 become U+FFFD; NULL writes nothing at all */
void json_write_string(struct text *t, const char *key, const char *s);

/** json_write_uint() - a number; what JSON readers cannot hold becomes INT64_MAX */
void json_write_uint(struct text *t, const char *key, uint64_t value);

/** json_write_bool() - true or false */
void json_write_bool(struct text *t, const char *key, bool value);

/** json_write_json() - a value that is JSON text already; NULL writes nothing at all */
void json_write_json(struct text *t, const char *key, const char *json);
