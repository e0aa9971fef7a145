/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct follow;
struct loop;
struct query;
struct store;

/** follow_fn() - the query has been woken, or will never be again (@code < 0) */
typedef void (*follow_fn)(int code, void *userdata);

/**
 * follow_new() - wake a query when what it reads has grown
 * @q: outlives it
 *
 * Return: 0, -EMFILE when the user has no inotify instance left, negative errno.
 */
must_check int follow_new(struct loop *l, const struct store *store, struct query *q, follow_fn fn,
			  void *userdata, struct follow **ret_follow);

/** follow_pause() - leave the news in the kernel while nobody can take them; Return: 0 or -errno */
must_check int follow_pause(struct follow *f, bool paused);

/** follow_look() - let the query see all that there is, without waiting for the kernel's word */
must_check int follow_look(struct follow *f);

/** follow_free() - NULL is allowed; may be called by follow_fn() */
void follow_free(struct follow *f);
