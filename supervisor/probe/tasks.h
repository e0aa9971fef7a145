/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "supervisor/probe/probe-frame.h"

struct loop;
struct tasks;

/** Attempts at a time. Further requests are left in the socket until one has ended. */
#define TASKS_MAX 256

/**
 * tasks_reply_fn() - send a reply
 *
 * Return: 0, or -EAGAIN when the peer takes none: tasks_flush() tries again.
 */
typedef int (*tasks_reply_fn)(const struct probe_reply *reply, void *userdata);

/** tasks_new() - nothing to do yet; Return: 0 or -ENOMEM */
must_check int tasks_new(struct loop *loop, tasks_reply_fn reply, void *userdata,
			 struct tasks **ret_tasks);

/** tasks_free() - give up all attempts; NULL is allowed */
void tasks_free(struct tasks *t);

/** tasks_full() - whether no request may be given to tasks_request() now */
bool tasks_full(const struct tasks *t);

/** tasks_request() - carry out a request; what is wrong with it is said in the reply */
void tasks_request(struct tasks *t, const struct probe_request *request);

/** tasks_flush() - send the replies that wait; Return: whether all have gone out */
bool tasks_flush(struct tasks *t);
