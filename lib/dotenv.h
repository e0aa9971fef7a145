/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct error;

#define DOTENV_BYTES_MAX (1024 * 1024)
#define DOTENV_VARIABLES_MAX 4096

/**
 * dotenv_parse() - read KEY=VALUE lines
 * @text:      file content, @len bytes
 * @ret_env:   NULL-terminated "KEY=VALUE" vector, freed by strings_free(); later lines win
 * @err:       line number and what is wrong; never quotes the content, which may be secret
 *
 * Syntax: blank lines and # comments; `export` in front; '…' as it stands; "…" with \n \t \r \\ \"
 * \$; quoted values may span lines; unquoted values end at " #" and lose trailing blanks. No
 * expansion.
 *
 * Return: 0, -EINVAL, -EFBIG, -ENOMEM.
 */
must_check int dotenv_parse(const char *text, size_t len, char ***ret_env, struct error *err);
