/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/** SIZE_INFINITY - the value of the size "max": no limit */
#define SIZE_INFINITY UINT64_MAX

#define UNITS_TEXT_MAX 48

/**
 * size_parse() - read "64M", "1.5G", "4096" or "max"
 * @s:         K M G T are powers of 1024, with an optional fraction; no suffix means bytes
 * @ret_bytes: the size, SIZE_INFINITY for "max"
 *
 * Return: 0, -EINVAL for anything else, -ERANGE when it does not fit.
 */
must_check int size_parse(const char *s, uint64_t *ret_bytes);

/**
 * duration_parse() - read "100ms", "2s", "1.5m", "1h30m", "7d" or "infinity"
 * @s:        numbers with units ms s m h d; a number without a unit is refused, except "0"
 * @ret_usec: the duration, USEC_INFINITY for "infinity"
 *
 * Return: 0, -EINVAL, -ERANGE.
 */
must_check int duration_parse(const char *s, usec_t *ret_usec);

/**
 * size_format() - "64M", "1.5G", "812K", "17B", "max": rounded, one decimal below 10; returns @buf
 */
const char *size_format(uint64_t bytes, char buf[static UNITS_TEXT_MAX]);

/**
 * duration_format() - the two largest units, rounded down: "4m12s", "2d3h", "3s"; milliseconds,
 * "15ms", only below one second; "infinity". Returns @buf.
 */
const char *duration_format(usec_t usec, char buf[static UNITS_TEXT_MAX]);

#define PERCENT_MAX 100000

/**
 * percent_parse() - read "150%" as per cent of one CPU
 * @ret_percent: 1 … PERCENT_MAX
 *
 * Return: 0, -EINVAL, -ERANGE.
 */
must_check int percent_parse(const char *s, unsigned *ret_percent);
