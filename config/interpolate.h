/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

struct document;

/** Variables that are looked up for one file, those inside of variables included. */
#define INTERPOLATE_LOOKUPS_MAX 100000

/** Bytes and values that variables may add up to. */
#define INTERPOLATE_BYTES_MAX ((size_t)16 * 1024 * 1024)

/**
 * interpolate() - a copy of a document in which all variables are replaced
 *
 *   ${name}          env.name of the file
 *   ${shop.ports.0}  a path from a process, or from the top of the file
 *   ${.ports.0}      a path from the process (hook, section) that the string belongs to
 *   ${ENV:HOME}      the environment of the program that reads the file
 *   ${PORT}          stays
 *   $${              a literal ${
 *
 * A string that is exactly one variable takes the variable's type; inside of a longer string it
 * must be text, a number or a boolean. In a member `commands` what is no variable is left to the
 * shell.
 *
 * @d:        borrowed; its root stays as it is
 * @ret_root: a new reference
 *
 * Return: 0, -EINVAL with a text (unresolved, cycle, too many), -ENOMEM.
 */
must_check int interpolate(const struct document *d, json_t **ret_root);
