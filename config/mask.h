/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

struct error;

/** The member that stands for a masked secret: {"$keep": true}. */
#define MASK_KEY "$keep"

/**
 * config_mask() - a copy of a config in which secrets are {"$keep": true}
 * @source: a config as written, in any dialect; a variable of `env` that a secret consists of is
 * one
 *
 * Return: a new reference, or NULL when out of memory or nested deeper than a config can be.
 */
json_t *config_mask(const json_t *source);

/**
 * config_unmask() - the other way round: put the secrets back that a caller never saw
 * @masked:     what the caller sends
 * @old:        the config that it was given, unmasked
 * @ret_source: a new reference
 *
 * Return: 0, -EINVAL with a text when @old has nothing at the place of a {"$keep": true}, -ENOMEM.
 */
must_check int config_unmask(const json_t *masked, const json_t *old, json_t **ret_source,
			     struct error *err);

/** config_has_secrets() - whether anything in @source would be masked */
bool config_has_secrets(const json_t *source);
