/* SPDX-License-Identifier: MIT */

/*
 * Calls that go on answering: a list that follows the services, events as they happen.
 *
 * A reader that is slow costs us nothing: of the list only the newest state matters, so changes
 * that come while an answer still waits to go out are folded into one; of the events only the
 * number of the last one that was sent is kept, and the rest is fetched from the store when there
 * is room.
 */

#include "supervisor/stream.h"

#include <string.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/text.h"
#include "lib/varlink/server.h"
#include "supervisor/describe.h"
#include "supervisor/events.h"
#include "supervisor/manager.h"
#include "supervisor/sampler.h"

/** Events in one answer. */
#define BATCH_MAX 256

/**
 * struct stream - one such call
 * @full:  an answer waits to go out
 * @stale: something happened since the last answer
 * @since: the last event that was sent
 */
struct stream {
	struct manager *manager;
	struct varlink_call *call;
	struct manager_watcher watcher;
	struct sampler_watcher seconds;
	struct events_subscriber *subscriber;
	json_t *names;
	char **name_list;
	uint64_t since;
	struct describe_how how;
	bool full;
	bool stale;
};

static void stream_free(void *userdata)
{
	struct stream *st = userdata;

	manager_unwatch(&st->watcher);
	sampler_unwatch(&st->seconds);
	events_unsubscribe(st->subscriber);
	json_decref(st->names);
	strings_free(st->name_list);
	free(st);
}

static struct stream *stream_make(struct manager *m, struct varlink_call *call, json_t *names)
{
	struct stream *st = calloc(1, sizeof(*st));

	if (!st)
		return NULL;
	st->manager = m;
	st->call = call;
	st->names = json_incref(names);
	list_init(&st->watcher.link);
	list_init(&st->seconds.link);
	return st;
}

int stream_names(const json_t *names, char ***ret_names)
{
	size_t n = json_array_size(names);
	cleanup_strings char **list = n ? calloc(n + 1, sizeof(char *)) : NULL;
	size_t kept = 0;

	if (n && !list)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const char *name = json_string_value(json_array_get(names, i));

		if (name && !(list[kept++] = strdup(name)))
			return -ENOMEM;
	}
	*ret_names = steal_ptr(list);
	return 0;
}

/* --- the list ------------------------------------------------------------------------------ */

static void send_services(struct stream *st)
{
	cleanup_text struct text services = {0};

	describe_services(st->manager, st->names, st->how, &services);
	st->stale = false;
	st->full = !varlink_call_continue_text(st->call, &services);
}

static void on_changed(struct service *s unused, void *userdata)
{
	struct stream *st = userdata;

	st->stale = true;
}

static void on_settled(void *userdata)
{
	struct stream *st = userdata;

	if (st->stale && !st->full)
		send_services(st);
}

static void on_second(void *userdata)
{
	struct stream *st = userdata;

	st->stale = true;
	on_settled(st);
}

static void on_services_drained(void *userdata)
{
	struct stream *st = userdata;

	st->full = false;
	on_settled(st);
}

int stream_services(struct manager *m, struct varlink_call *call, json_t *names,
		    struct describe_how how, struct error *err)
{
	struct stream *st = stream_make(m, call, names);

	if (!st)
		return error_set(err, -ENOMEM, "out of memory");
	st->how = how;
	st->watcher.changed = on_changed;
	st->watcher.settled = on_settled;
	st->watcher.userdata = st;
	manager_watch(m, &st->watcher);
	varlink_call_watch(call, stream_free, on_services_drained, st);
	send_services(st);
	if (how.live) {
		st->seconds.sampled = on_second;
		st->seconds.userdata = st;
		sampler_watch(m->sampler, &st->seconds);
		/* The sampler looks, for all who watch. */
		st->how.count = false;
	}
	return 0;
}

/* --- the events ---------------------------------------------------------------------------- */

static void send_events(struct stream *st)
{
	while (!st->full) {
		json_t *events =
			events_since(st->manager->events, st->since, BATCH_MAX, st->name_list);
		size_t n = json_array_size(events);

		if (n == 0) {
			/* What was for others is not looked through again. */
			if (events)
				st->since = events_newest(st->manager->events);
			json_decref(events);
			return;
		}
		st->since = json_get_uint(json_array_get(events, n - 1), "seq", st->since);
		st->full = !varlink_call_continue(st->call, json_pack("{s:o}", "events", events));
	}
}

static void on_event(void *userdata)
{
	send_events(userdata);
}

static void on_events_drained(void *userdata)
{
	struct stream *st = userdata;

	st->full = false;
	send_events(st);
}

int stream_events(struct manager *m, struct varlink_call *call, uint64_t since, size_t limit,
		  json_t *names, struct error *err)
{
	struct stream *st = stream_make(m, call, names);
	json_t *past;
	size_t n;

	if (!st)
		return error_set(err, -ENOMEM, "out of memory");
	if (stream_names(names, &st->name_list) < 0 ||
	    events_subscribe(m->events, on_event, st, &st->subscriber) < 0) {
		stream_free(st);
		return error_set(err, -ENOMEM, "out of memory");
	}
	varlink_call_watch(call, stream_free, on_events_drained, st);
	past = events_since(m->events, since, limit, st->name_list);
	n = json_array_size(past);
	st->since = n ? json_get_uint(json_array_get(past, n - 1), "seq", since)
		      : events_newest(m->events);
	st->full = !varlink_call_continue(call, json_pack("{s:o}", "events", past));
	return 0;
}
