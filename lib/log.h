/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/*
 * What a daemon says about itself: one line on stderr each, with the syslog prefix <N> when stderr
 * is a pipe or a socket (so that the collector or the journal knows the level), without it on a
 * terminal or in a file. A daemon's stderr never blocks it: what a full pipe does not take is
 * dropped and counted, and the count is reported with the next line that fits.
 */

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/**
 * log_init() - set the level and look at what stderr is; again whenever it was replaced
 *
 * O_NONBLOCK is not set on stderr itself, which others share.
 */
void log_init(enum log_level max_level);

/** log_line() - print one line; the newline is added */
void log_line(enum log_level level, const char *fmt, ...) printf_like(2, 3);

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
