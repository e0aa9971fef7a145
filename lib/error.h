/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdarg.h>

#include "lib/base.h"

#define ERROR_TEXT_MAX 512
#define ERROR_ID_MAX 96

/**
 * struct error - why something failed, for a person and for a Varlink peer
 * @code: negative errno, 0 while nothing failed
 * @id:   fully qualified Varlink error, e.g. "io.slicekeep.supervisor.NoSuchService"; "" when none
 * @text: lower case, quotes the thing, says what to do
 *
 * A stack value; nothing to free. Zero-initialise it: struct error err = {0};
 */
struct error {
	int code;
	char id[ERROR_ID_MAX];
	char text[ERROR_TEXT_MAX];
};

/**
 * error_set() - record a failure
 * @err:  where to; NULL is allowed and records nothing
 * @code: negative errno
 * @fmt:  printf format of the text; what does not fit ends in "…"
 *
 * Return: @code, so that `return error_set(err, -EINVAL, …);` is one line.
 */
int error_set(struct error *err, int code, const char *fmt, ...) printf_like(3, 4);

/**
 * error_set_id() - record a failure that has a name on the wire
 * @err:  where to, or NULL
 * @code: negative errno
 * @id:   Varlink error id, copied
 * @fmt:  printf format of the text
 *
 * Return: @code.
 */
int error_set_id(struct error *err, int code, const char *id, const char *fmt, ...)
	printf_like(4, 5);

/**
 * error_prefix() - put context in front of the text that is already there
 * @err: an error that was set, or NULL
 * @fmt: printf format of the prefix; ": " is added behind it
 */
void error_prefix(struct error *err, const char *fmt, ...) printf_like(2, 3);
