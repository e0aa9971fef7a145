/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/** SIZE_INFINITY - the value of the size "max": no limit */
#define SIZE_INFINITY UINT64_MAX

#define UNITS_TEXT_MAX 32

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

/** size_format() - "64M", "1.5G", "812K", "17B", "max" into @buf; returns @buf */
const char *size_format(uint64_t bytes, char buf[static UNITS_TEXT_MAX]);

/** duration_format() - the two largest units: "3s", "4m12s", "2d3h", "15ms"; returns @buf */
const char *duration_format(usec_t usec, char buf[static UNITS_TEXT_MAX]);

/**
 * percent_parse() - read "150%" as per cent of one CPU
 * @ret_percent: 1 … 100000
 *
 * Return: 0, -EINVAL, -ERANGE.
 */
must_check int percent_parse(const char *s, unsigned *ret_percent);
