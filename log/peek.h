/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"

/** So many bytes are looked at, at most. */
#define PEEK_BYTES_MAX ((size_t)64 * 1024)

/**
 * struct peek - a private pipe to look into others
 */
struct peek {
	int read_fd;
	int write_fd;
	char *bytes;
};

/** peek_init() - Return: 0 or negative errno; peek_done() is allowed in either case */
must_check int peek_init(struct peek *p);

/** peek_done() - close it */
void peek_done(struct peek *p);

/**
 * peek_look() - what a pipe holds, without taking anything
 * @pipe_fd:      somebody's pipe
 * @ret_line_end: bytes up to and including the first newline; 0: there is none
 *
 * Return: bytes that were seen (> 0), 0 at the end of file, -EAGAIN when it is empty, or another
 * negative errno.
 */
must_check ssize_t peek_look(struct peek *p, int pipe_fd, size_t *ret_line_end);

/**
 * peek_take() - take out what a pipe holds; it is in @p->bytes until the next call
 * @max_bytes: at most so many
 *
 * Return: as peek_look().
 */
must_check ssize_t peek_take(struct peek *p, int pipe_fd, size_t max_bytes);
