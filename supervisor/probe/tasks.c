/* SPDX-License-Identifier: MIT */
#include "supervisor/probe/tasks.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/list.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/units.h"
#include "supervisor/probe/http.h"
#include "supervisor/probe/tcp.h"

/*
 * The attempts that are under way: each has a deadline and ends in exactly one reply.
 *
 * An attempt may report from inside its own start or from the middle of a library, so its outcome
 * is only written down there; the task's timer, which is also its deadline, sends the reply in the
 * next turn of the loop and frees everything. A reply that the supervisor does not take yet stays
 * in its task, and since there are TASKS_MAX of them, what waits is bounded.
 */

struct task {
	struct list link;
	struct tasks *tasks;
	struct loop_timer timer;
	struct tcp_attempt *tcp;
	struct http_attempt *http;
	struct probe_reply reply;
	usec_t timeout_usec;
	bool ended;
	bool waits; /* for the supervisor to take the reply */
};

struct tasks {
	struct loop *loop;
	struct list list;
	size_t n;
	tasks_reply_fn reply;
	void *userdata;
};

static void task_free(struct task *k)
{
	list_remove(&k->link);
	k->tasks->n--;
	tcp_attempt_free(k->tcp);
	http_attempt_free(k->http);
	loop_timer_done(&k->timer);
	free(k);
}

static void task_set_reply(struct task *k, bool ok, const char *text)
{
	k->ended = true;
	k->reply.ok = ok;
	snprintf(k->reply.text, sizeof(k->reply.text), "%.*s", PROBE_TEXT_MAX - 1, text);
}

static void task_send(struct task *k)
{
	if (k->tasks->reply(&k->reply, k->tasks->userdata) == -EAGAIN)
		k->waits = true;
	else
		task_free(k);
}

static void on_attempt(bool ok, const char *text, void *userdata)
{
	struct task *k = userdata;

	if (k->ended)
		return;
	task_set_reply(k, ok, text);
	/* A timer that was set once can be set again: nothing is allocated. */
	ignore_result(loop_timer_set(&k->timer, 0));
}

static void on_timer(void *userdata)
{
	struct task *k = userdata;

	if (!k->ended) {
		char duration[UNITS_TEXT_MAX];
		char text[PROBE_TEXT_MAX];

		snprintf(text, sizeof(text), "no answer within %s",
			 duration_format(k->timeout_usec, duration));
		task_set_reply(k, false, text);
	}
	task_send(k);
}

static int task_start(struct task *k, const struct probe_request *request, struct error *err)
{
	int r = loop_timer_set(&k->timer, usec_add(clock_now_usec(), request->timeout_usec));

	if (r < 0)
		return error_set(err, r, "cannot set a timer: %s", strerror(-r));
	switch (request->kind) {
	case PROBE_TCP:
		return tcp_attempt_start(k->tasks->loop, request->target, on_attempt, k, &k->tcp,
					 err);
	case PROBE_HTTP:
		return http_attempt_start(k->tasks->loop, request->target, on_attempt, k, &k->http,
					  err);
	default:
		return error_set(err, -EINVAL, "unknown kind of probe");
	}
}

/* A reply to a request for which there is no task. It may be lost: the supervisor has a deadline.
 */
static void refuse(const struct tasks *t, uint64_t id, const char *text)
{
	struct probe_reply reply = {.magic = PROBE_MAGIC, .version = PROBE_VERSION, .id = id};

	snprintf(reply.text, sizeof(reply.text), "%s", text);
	ignore_result(t->reply(&reply, t->userdata));
}

static struct task *task_new(struct tasks *t, const struct probe_request *request)
{
	struct task *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->tasks = t;
	k->timeout_usec = request->timeout_usec;
	k->reply = (struct probe_reply){
		.magic = PROBE_MAGIC,
		.version = PROBE_VERSION,
		.id = request->id,
	};
	if (loop_timer_init(&k->timer, t->loop, on_timer, k) < 0) {
		free(k);
		return NULL;
	}
	list_append(&t->list, &k->link);
	t->n++;
	return k;
}

static void cancel(struct tasks *t, uint64_t id)
{
	list_for_each_safe(it, &t->list) {
		struct task *k = list_entry(it, struct task, link);

		if (k->reply.id == id)
			task_free(k);
	}
}

int tasks_new(struct loop *loop, tasks_reply_fn reply, void *userdata, struct tasks **ret_tasks)
{
	struct tasks *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	list_init(&t->list);
	t->loop = loop;
	t->reply = reply;
	t->userdata = userdata;
	*ret_tasks = t;
	return 0;
}

void tasks_free(struct tasks *t)
{
	if (!t)
		return;
	list_for_each_safe(it, &t->list)
		task_free(list_entry(it, struct task, link));
	free(t);
}

bool tasks_full(const struct tasks *t)
{
	return t->n >= TASKS_MAX;
}

void tasks_request(struct tasks *t, const struct probe_request *request)
{
	struct error err = {0};
	struct task *k;

	if (request->kind == PROBE_CANCEL) {
		cancel(t, request->id);
		return;
	}
	k = task_new(t, request);
	if (!k) {
		refuse(t, request->id, "the probe is out of memory");
		return;
	}
	if (task_start(k, request, &err) < 0)
		on_attempt(false, err.text, k);
}

bool tasks_flush(struct tasks *t)
{
	list_for_each_safe(it, &t->list) {
		struct task *k = list_entry(it, struct task, link);

		if (!k->waits)
			continue;
		if (t->reply(&k->reply, t->userdata) == -EAGAIN)
			return false;
		task_free(k);
	}
	return true;
}
