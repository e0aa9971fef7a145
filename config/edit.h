/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

struct error;

/**
 * edit_find() - the definition of a process, or a section, in a config file of either dialect
 * @root: the file's object, borrowed
 * @name: "shop", "env", "webhooks", …
 *
 * Return: borrowed, or NULL when it is not there.
 */
json_t *edit_find(const json_t *root, const char *name);

/**
 * edit_set() - put a definition in place of the one that is there, or behind the others
 * @value: reference taken over
 *
 * Return: 0 or -ENOMEM.
 */
must_check int edit_set(json_t *root, const char *name, json_t *value);

/** edit_delete() - take it out; Return: 0, or -ENOENT when it is not there */
must_check int edit_delete(json_t *root, const char *name);

/**
 * edit_parse() - read JSON that a person typed, or a whole config file
 * @what: named in the error
 *
 * Return: 0 or -EINVAL with a text.
 */
must_check int edit_parse(const char *text, const char *what, json_t **ret_value,
			  struct error *err);

/**
 * edit_text() - the file's text: order kept, two blanks deep, short arrays on one line, a newline
 * at the end; heap or NULL
 */
char *edit_text(const json_t *root);
