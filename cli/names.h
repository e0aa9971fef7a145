/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

struct error;
struct supervisor;

/**
 * names_check() - whether each of these is the name of a service
 * @services: array of the type Service
 * @names:    NULL-terminated
 *
 * Return: 0, or -ENOENT with a NoSuchService that says "did you mean".
 */
must_check int names_check(struct supervisor *s, const json_t *services, char *const *names,
			   struct error *err);

/** names_require() - the same, after asking for the services; Return: also other errors */
must_check int names_require(struct supervisor *s, char *const *names, struct error *err);

/**
 * names_suggest() - add "did you mean" to the text of a NoSuchService; any other error stays as it
 * is
 */
void names_suggest(struct supervisor *s, char *const *names, struct error *err);
