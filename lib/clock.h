/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

#define CLOCK_TEXT_MAX 40

/** clock_now_usec() - what waits and deadlines are counted in: CLOCK_MONOTONIC */
usec_t clock_now_usec(void);

/**
 * clock_msec_until() - what poll(2) is to wait until @deadline_usec
 *
 * Return: rounded up, because waking a little late is better than turning around in the last
 * millisecond; -1 for USEC_INFINITY.
 */
int clock_msec_until(usec_t deadline_usec);

/** clock_at_usec() - what is shown and stored: CLOCK_REALTIME since the epoch */
usec_t clock_at_usec(void);

/** clock_format_utc() - RFC 3339 with microseconds, "2026-11-21T03:39:00.123456Z"; returns @buf */
const char *clock_format_utc(usec_t at_usec, char buf[static CLOCK_TEXT_MAX]);

/** clock_format_local() - "2026-11-21 03:39:00.123" in the local zone; returns @buf */
const char *clock_format_local(usec_t at_usec, char buf[static CLOCK_TEXT_MAX]);

/**
 * clock_parse() - read a point in time as a person types it
 * @s:        "10:30", "10:30:15", "today", "yesterday", "yesterday 10:30", "2h ago", "now",
 *            "2026-11-21", "2026-11-21 10:30[:15]", RFC 3339 with fraction and offset
 * @now_at_usec: the wall clock that "ago" and "today" refer to
 * @ret_at_usec: microseconds since the epoch; local zone where the text has none
 *
 * Return: 0 or -EINVAL.
 */
must_check int clock_parse(const char *s, usec_t now_at_usec, usec_t *ret_at_usec);
