/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

struct error;
struct place;

/**
 * struct document - a config file as text and as JSON, and where complaints about it go
 * @file: as named in errors, borrowed
 * @text: @len bytes, borrowed
 * @root: an object as written, owned
 * @flat: the seed's dialect in which each top-level key is a process
 * @err:  where to, or NULL
 */
struct document {
	const char *file;
	const char *text;
	size_t len;
	json_t *root;
	bool flat;
	struct error *err;
};

/**
 * document_read() - text to JSON: UTF-8, no NUL, no key twice, an object at the top, not too deep
 * @d: @file, @text, @len and @err are set; @root and @flat are filled in
 *
 * Return: 0, -EINVAL, -EFBIG, -ENOMEM.
 */
must_check int document_read(struct document *d);

/** document_done() - drop the JSON */
void document_done(struct document *d);

/**
 * document_fail() - "FILE:LINE: PLACE: text"
 * @where: place in the file as written
 *
 * Return: -EINVAL.
 */
must_check int document_fail(const struct document *d, const struct place *where, const char *fmt,
			     ...) printf_like(3, 4);

/** document_fail_memory() - Return: -ENOMEM, with a text */
must_check int document_fail_memory(const struct document *d);
