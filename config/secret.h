/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

/**
 * secret_is_name() - whether what has this name is a secret
 * @key: in any case: what contains token, secret, password, passphrase, api_key …, or ends in _key,
 *       _pass, _pwd; but not what ends in _file or _path
 */
bool secret_is_name(const char *key);

/**
 * secret_is() - whether a member of a config is a secret
 * @key:   its name, or NULL for an element of an array
 * @value: only a text or a number can be one; a URL with a password in it is one under any key, a
 *         lone variable is none (what it stands for is)
 */
bool secret_is(const char *key, const json_t *value);
