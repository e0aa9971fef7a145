/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdarg.h>

#include "lib/base.h"

/**
 * text_format() - what snprintf() would do, for the few conversions that the keeper uses
 * @format: %s, %d, %u, %llu and %% only
 *
 * Return: length of the text, which is always terminated and cut at @cap.
 */
size_t text_format(char *buf, size_t cap, const char *format, ...) printf_like(3, 4);

/** text_vformat() - text_format() with a va_list */
size_t text_vformat(char *buf, size_t cap, const char *format, va_list args) printf_like(3, 0);

/**
 * text_number() - read a decimal number that fills the whole text
 * @max: largest that is allowed
 *
 * Return: 0, -EINVAL when it is no number, -ERANGE when it is above @max.
 */
must_check int text_number(const char *text, uint64_t max, uint64_t *ret_number);

/**
 * text_duration() - read "500ms", "10s", "5m", "1h"; a bare number is seconds
 *
 * Return: 0, -EINVAL or -ERANGE.
 */
must_check int text_duration(const char *text, usec_t *ret_usec);

/** text_copy() - copy what fits, cut between two UTF-8 characters, and fill the rest with NUL */
void text_copy(char *dst, size_t cap, const char *src);

/**
 * text_clean() - text_copy() of @len bytes by a stranger: what is not printable UTF-8 becomes '?'
 */
void text_clean(char *dst, size_t cap, const char *src, size_t len);

/** text_starts() - the rest of @text after @prefix, or NULL when it does not begin so */
const char *text_starts(const char *text, const char *prefix);
