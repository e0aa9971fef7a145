/* SPDX-License-Identifier: MIT */
#include "supervisor/prober-log.h"

#include <jansson.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/loop.h"
#include "lib/varlink/link.h"
#include "supervisor/prober.h"

/*
 * Waiting for a line: the collector is followed with the pattern as filter, and the first line that
 * it sends is the answer.
 *
 * The collector is one of our services and may be down, even because the service that is waited for
 * comes before it. That is no answer: the connection is made again, after a pause that grows, until
 * whoever asked has waited enough. Nothing is missed meanwhile, because each new connection asks
 * for the life from its beginning.
 */

#define PAUSE_MIN_USEC (50 * USEC_PER_MSEC)
#define PAUSE_MAX_USEC (1 * USEC_PER_SEC)

struct prober_log {
	struct loop *loop;
	struct loop_timer again;
	struct varlink_link *link;
	json_t *filter;
	char *socket;
	usec_t pause_usec;
	prober_log_fn fn;
	void *userdata;
};

static void try_later(struct prober_log *g)
{
	usec_t deadline_usec = usec_add(clock_now_usec(), g->pause_usec);

	varlink_link_free(g->link);
	g->link = NULL;
	g->pause_usec = MIN_OF(g->pause_usec * 2, PAUSE_MAX_USEC);
	/* A timer that was set once can be set again: nothing is allocated. */
	ignore_result(loop_timer_set(&g->again, deadline_usec));
}

/* Whether there is a line among what came, and not only a note that some were dropped. */
static bool has_line(const json_t *reply)
{
	const json_t *lines = json_object_get(reply, "lines");
	json_t *line;
	size_t i;

	json_array_foreach(lines, i, line) {
		if (!json_object_get(line, "dropped"))
			return true;
	}
	return false;
}

static void on_reply(json_t *reply, bool continues, const struct error *err, void *userdata)
{
	struct prober_log *g = userdata;

	if (err && strcmp(err->id, "io.slicekeep.log.BadPattern") == 0) {
		g->fn(false, err->text, g->userdata);
		return;
	}
	if (err) {
		try_later(g);
		return;
	}
	g->pause_usec = PAUSE_MIN_USEC;
	if (has_line(reply))
		g->fn(true, "a line matched", g->userdata);
	else if (!continues)
		try_later(g);
}

static void on_again(void *userdata)
{
	struct prober_log *g = userdata;
	json_t *parameters = json_object();
	int r;

	if (parameters && json_object_set(parameters, "filter", g->filter) < 0) {
		json_decref(parameters);
		parameters = NULL;
	}
	r = parameters ? varlink_link_open(g->loop, g->socket, &g->link) : -ENOMEM;
	if (r < 0)
		json_decref(parameters);
	else
		r = varlink_link_call(g->link, "io.slicekeep.log.Follow", parameters, true,
				      on_reply, g);
	if (r < 0)
		try_later(g);
}

static json_t *make_filter(const char *pattern, const struct probe_subject *subject)
{
	return json_pack("{s:[s], s:I, s:I, s:s}", "names", subject->name, "instance",
			 (json_int_t)subject->instance, "since_life", (json_int_t)subject->life,
			 "grep", pattern);
}

int prober_log_start(struct loop *loop, const struct prober_log_what *what, prober_log_fn fn,
		     void *userdata, struct prober_log **ret_log)
{
	struct prober_log *g = calloc(1, sizeof(*g));
	int r = 0;

	if (!g)
		return -ENOMEM;
	g->loop = loop;
	g->fn = fn;
	g->userdata = userdata;
	g->pause_usec = PAUSE_MIN_USEC;
	g->socket = strdup(what->socket);
	g->filter = make_filter(what->pattern, what->subject);
	if (!g->socket || !g->filter)
		r = -ENOMEM;
	if (r == 0)
		r = loop_timer_init(&g->again, loop, on_again, g);
	if (r == 0)
		r = loop_timer_set(&g->again, 0);
	if (r < 0) {
		prober_log_free(g);
		return r;
	}
	*ret_log = g;
	return 0;
}

void prober_log_free(struct prober_log *g)
{
	if (!g)
		return;
	varlink_link_free(g->link);
	loop_timer_done(&g->again);
	json_decref(g->filter);
	free(g->socket);
	free(g);
}
