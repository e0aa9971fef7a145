/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct paths;

/** Failed lives of the supervisor after which nothing good is expected of the next one. */
#define STAND_IN_LIVES_MAX 3

struct stand_in;

/**
 * stand_in_new() - listen where the collector will, for as long as there is none
 * @said_fd: file that the supervisor's own keeper prints into, borrowed
 *
 * Context: only before that keeper is started, see stand-in.c.
 * Return: 0, -EADDRINUSE when a collector is there already, or another negative errno; without it
 * `up` works, but cannot say what went wrong.
 */
must_check int stand_in_new(const struct paths *paths, int said_fd, struct stand_in **ret_stand_in);

/**
 * stand_in_watch() - notice the end of the supervisor's own keeper from now on
 * @keeper_pidfd: borrowed
 *
 * Return: 0 or negative errno; then it has to be freed.
 */
must_check int stand_in_watch(struct stand_in *s, int keeper_pidfd);

/** stand_in_free() - make room for the collector; nothing was taken from it. NULL is allowed */
void stand_in_free(struct stand_in *s);

/** stand_in_fd() - becomes readable when stand_in_hopeless() may have changed; borrowed */
int stand_in_fd(const struct stand_in *s);

/** stand_in_hopeless() - look at what has come; whether waiting longer makes no sense */
bool stand_in_hopeless(struct stand_in *s);

/** stand_in_print() - print on stderr what the supervisor and its keeper have said so far */
void stand_in_print(struct stand_in *s);

/**
 * stand_in_dismiss() - end the keeper, and take what its pipes hold, so that it need not wait for a
 * collector
 */
void stand_in_dismiss(struct stand_in *s, usec_t deadline_usec);
