/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"

/**
 * struct feed - where the bytes of one life come from
 * @pipe_fd:       what it is written into
 * @inode:         of that pipe
 * @transit_fd:    what it is taken through; -1: its keeper keeps none, and it is taken directly
 * @next_fd:       the transit of whoever keeps the pipe now, if @has_next: it is used once there is
 *                 nothing left in the former one
 * @transit_bytes: in the transit, all earlier ones than those in the pipe
 */
struct feed {
	ino_t inode;
	int pipe_fd;
	int transit_fd;
	int next_fd;
	bool has_next;
	size_t transit_bytes;
};

/** FEED_NONE - what feed_done() may be called for */
#define FEED_NONE ((struct feed){.pipe_fd = -1, .transit_fd = -1, .next_fd = -1})

/**
 * feed_init() - begin with what a keeper has offered
 * @fds: a pipe, and perhaps a transit; taken over in any case
 *
 * Return: 0, or -EINVAL when one of them is no pipe, and then it needs no end.
 */
must_check int feed_init(struct feed *f, const int *fds, size_t n_fds);

/** feed_done() - close all; what the pipes hold stays there for whoever keeps them */
void feed_done(struct feed *f);

/** feed_renew() - the same pipe has been offered again: its keeper keeps the transit of @offered,
 * which is taken from it
 */
void feed_renew(struct feed *f, struct feed *offered);

/** feed_begin() - before something is taken: see whether something was left on its way */
void feed_begin(struct feed *f);

/** feed_room() - bytes that one turn can take at most, at least PIPE_BUF */
size_t feed_room(const struct feed *f);

/** feed_is_left() - something is on its way, which nobody would wake us for */
bool feed_is_left(const struct feed *f);

/** feed_front() - the pipe in which the next byte is */
int feed_front(const struct feed *f);

/**
 * feed_advance() - let what comes next be where it can be stored from
 * @max_bytes: at most so many
 *
 * Return: at most so many bytes may be stored from feed_front() now; 0 at the end of file, -EAGAIN
 * when there are none, negative errno.
 */
must_check ssize_t feed_advance(struct feed *f, size_t max_bytes);

/** feed_took() - so many bytes were taken from feed_front() */
void feed_took(struct feed *f, size_t n_bytes);
