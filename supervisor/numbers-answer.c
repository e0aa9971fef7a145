/* SPDX-License-Identifier: MIT */
#include "supervisor/numbers-answer.h"

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json-write.h"
#include "lib/json.h"
#include "lib/text.h"
#include "lib/varlink/server.h"
#include "supervisor/gauge.h"
#include "supervisor/manager.h"
#include "supervisor/sampler.h"
#include "supervisor/service-keeper.h"

/*
 * What services and slices use, as JSON: now, each second, and in the past.
 *
 * Who watches and is slow loses seconds, never memory of ours: a second that comes while an answer
 * still waits to go out is not sent.
 */

/* --- now ----------------------------------------------------------------------------------- */

static void write_some(struct text *t, const struct numbers *n, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++) {
		if (n->value[i] != NUMBER_UNKNOWN)
			json_write_uint(t, number_key((enum number)i), n->value[i]);
	}
}

static void write_counters(struct text *t, const char *key, const struct numbers *n)
{
	json_write_open(t, key, '{');
	write_some(t, n, 0, NUMBER_COUNTERS);
	json_write_close(t, '}');
}

static void write_gauge(struct text *t, const struct gauge *g)
{
	json_write_bool(t, "cgroup", meter_is_open(&g->meter));
	write_some(t, &g->per_second, NUMBER_COUNTERS, NUMBER_COUNT);
	write_counters(t, "per_second", &g->per_second);
	write_counters(t, "total", &g->now);
}

static void write_service(struct text *t, const struct service *s)
{
	const struct gauge *g = sampler_gauge(s);

	json_write_open(t, NULL, '{');
	json_write_string(t, "name", s->process->name);
	json_write_string(t, "kind", "service");
	json_write_string(t, "slice", service_group(s));
	json_write_string(t, "state", slot_state_public(s->state));
	json_write_uint(t, "restarts", s->snapshot.n_restarts);
	if (service_lives(s))
		json_write_uint(t, "uptime_usec",
				usec_sub(clock_now_usec(), s->snapshot.start_usec));
	if (g) {
		json_write_open(t, "ports", '[');
		for (size_t i = 0; i < g->n_ports; i++)
			json_write_uint(t, NULL, g->ports[i]);
		json_write_close(t, ']');
		if (g->processes > 0)
			json_write_uint(t, "processes", g->processes);
		write_gauge(t, g);
	}
	json_write_close(t, '}');
}

static void write_slice(struct text *t, const struct gauge *g)
{
	json_write_open(t, NULL, '{');
	json_write_string(t, "name", g->name);
	json_write_string(t, "kind", "slice");
	write_gauge(t, g);
	json_write_close(t, '}');
}

static bool is_named(const json_t *names, const char *name)
{
	size_t i;
	json_t *value;

	json_array_foreach(names, i, value)
		if (text_equal(json_string_value(value), name))
			return true;
	return json_array_size(names) == 0;
}

void numbers_look(struct manager *m, const json_t *names)
{
	for (size_t i = 0; i < m->n_services; i++) {
		if (is_named(names, m->services[i]->process->name))
			sampler_look(m->sampler, m->services[i]);
	}
}

void numbers_describe(const struct manager *m, const json_t *names, struct text *out)
{
	json_write_open(out, NULL, '{');
	json_write_open(out, "numbers", '[');
	for (size_t i = 0; i < m->n_services; i++) {
		if (is_named(names, m->services[i]->process->name))
			write_service(out, m->services[i]);
	}
	list_for_each(it, sampler_slices(m->sampler)) {
		const struct gauge *g = list_entry(it, struct gauge, link);

		if (json_array_size(names) == 0 && meter_is_open(&g->meter))
			write_slice(out, g);
	}
	json_write_close(out, ']');
	json_write_close(out, '}');
}

/* --- each second --------------------------------------------------------------------------- */

/**
 * struct numbers_stream - one call that is answered each second
 * @full: an answer waits to go out
 */
struct numbers_stream {
	struct manager *manager;
	struct varlink_call *call;
	struct sampler_watcher watcher;
	json_t *names;
	bool full;
};

static void send_numbers(struct numbers_stream *st)
{
	cleanup_text struct text numbers = {0};

	numbers_describe(st->manager, st->names, &numbers);
	st->full = !varlink_call_continue_text(st->call, &numbers);
}

static void on_sampled(void *userdata)
{
	struct numbers_stream *st = userdata;

	if (!st->full)
		send_numbers(st);
}

static void on_drained(void *userdata)
{
	struct numbers_stream *st = userdata;

	st->full = false;
}

static void on_gone(void *userdata)
{
	struct numbers_stream *st = userdata;

	sampler_unwatch(&st->watcher);
	json_decref(st->names);
	free(st);
}

int numbers_stream(struct manager *m, struct varlink_call *call, json_t *names, struct error *err)
{
	struct numbers_stream *st = calloc(1, sizeof(*st));

	if (!st)
		return error_set(err, -ENOMEM, "out of memory");
	st->manager = m;
	st->call = call;
	st->names = json_incref(names);
	st->watcher.sampled = on_sampled;
	st->watcher.userdata = st;
	numbers_look(m, names);
	sampler_watch(m->sampler, &st->watcher);
	varlink_call_watch(call, on_gone, on_drained, st);
	send_numbers(st);
	return 0;
}

/* --- the past ------------------------------------------------------------------------------ */

static void write_moment(struct text *t, const struct ring_record *record)
{
	struct numbers n;

	ring_numbers_of(record, &n);
	json_write_open(t, NULL, '{');
	json_write_uint(t, "at_usec", record->at_sec * USEC_PER_SEC);
	write_some(t, &n, NUMBER_COUNTERS, NUMBER_KEPT);
	write_counters(t, "per_second", &n);
	json_write_close(t, '}');
}

int numbers_describe_past(const struct manager *m, const struct sampler_past *past,
			  struct text *out)
{
	cleanup_free struct ring_record *records = NULL;
	size_t n = 0;
	int r = sampler_history(m->sampler, past, &records, &n);

	if (r < 0)
		return r;
	json_write_open(out, NULL, '{');
	json_write_open(out, "moments", '[');
	for (size_t i = 0; i < n; i++)
		write_moment(out, &records[i]);
	json_write_close(out, ']');
	json_write_close(out, '}');
	return 0;
}
