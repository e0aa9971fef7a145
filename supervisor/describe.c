/* SPDX-License-Identifier: MIT */

/*
 * The truth as JSON. The services, which are many and asked for often, are written as text; our own
 * status, which is small, is built. Everything here is read from what the manager holds, but for
 * what only /proc knows and is looked for when it is asked for: the processes of the services
 * (sampler.c), and the memory of our own.
 */

#include "supervisor/describe.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/json-write.h"
#include "lib/json.h"
#include "lib/text.h"
#include "supervisor/gauge.h"
#include "supervisor/launcher.h"
#include "supervisor/log-keeping.h"
#include "supervisor/manager.h"
#include "supervisor/prober.h"
#include "supervisor/proc.h"
#include "supervisor/sampler.h"
#include "supervisor/service-keeper.h"

static void write_if_any(struct text *t, const char *key, uint64_t value)
{
	if (value > 0)
		json_write_uint(t, key, value);
}

static void write_uptime(struct text *t, const struct service *s, usec_t now)
{
	if (service_lives(s))
		json_write_uint(t, "uptime_usec", usec_sub(now, s->snapshot.start_usec));
}

static void write_pid(struct text *t, const struct service *s)
{
	if (service_lives(s))
		json_write_uint(t, "pid", (uint64_t)s->snapshot.main_pid);
}

static void write_ports(struct text *t, const struct config_process *p)
{
	json_write_open(t, "ports", '[');
	for (size_t i = 0; i < p->n_ports; i++)
		if (p->ports[i])
			json_write_uint(t, NULL, p->ports[i]);
	json_write_close(t, ']');
}

static void write_slot(struct text *t, const struct service *s, usec_t now)
{
	const struct keeper_snapshot *k = &s->snapshot;

	json_write_open(t, NULL, '{');
	json_write_uint(t, "instance", SERVICE_SLOT);
	json_write_string(t, "state", slot_state_public(s->state));
	write_pid(t, s);
	write_if_any(t, "keeper_pid", (uint64_t)s->keeper_pid);
	json_write_bool(t, "ready", slot_is_ready(s->state));
	write_uptime(t, s, now);
	if (s->state == SLOT_BACKOFF)
		json_write_uint(t, "next_start_usec", usec_sub(k->next_usec, now));
	json_write_uint(t, "restarts", k->n_restarts);
	write_if_any(t, "life", s->life);
	json_write_string(t, "status", k->status[0] ? k->status : NULL);
	write_ports(t, s->process);
	json_write_close(t, '}');
}

static void write_slots(struct text *t, const struct service *s, usec_t now)
{
	json_write_open(t, "slots", '[');
	if (s->state != SLOT_STOPPED)
		write_slot(t, s, now);
	json_write_close(t, ']');
}

static void write_after(struct text *t, const struct config_process *p)
{
	json_write_open(t, "after", '[');
	for (size_t i = 0; i < strings_len(p->after); i++)
		json_write_string(t, NULL, p->after[i]);
	json_write_close(t, ']');
}

static void write_waits_for(struct text *t, const struct manager *m, const struct service *s)
{
	const struct service *blocker = s->state == SLOT_WAITING ? manager_blocker(m, s) : NULL;

	json_write_open(t, "waits_for", '[');
	if (blocker)
		json_write_string(t, NULL, blocker->process->name);
	json_write_close(t, ']');
}

static void write_if_known(struct text *t, enum number number, const struct gauge *g)
{
	uint64_t value = g->per_second.value[number];

	if (value != NUMBER_UNKNOWN)
		json_write_uint(t, number_key(number), value);
}

static void write_usage(struct text *t, const struct gauge *g)
{
	write_if_any(t, "processes", g->processes);
	write_if_known(t, NUMBER_CPU_USEC, g);
	write_if_known(t, NUMBER_MEMORY_BYTES, g);
	write_if_known(t, NUMBER_MEMORY_MAX_BYTES, g);
	if (g->n_ports == 0)
		return;
	json_write_open(t, "listening", '[');
	for (size_t i = 0; i < g->n_ports; i++)
		json_write_uint(t, NULL, g->ports[i]);
	json_write_close(t, ']');
}

static void write_in_full(struct text *t, const struct manager *m, const struct service *s,
			  usec_t now)
{
	const struct config_process *p = s->process;

	json_write_string(t, "desired", s->wanted ? "run" : "stop");
	json_write_string(t, "type", p->type == CONFIG_TYPE_ONESHOT ? "oneshot" : "service");
	json_write_string(t, "slice", service_group(s));
	json_write_bool(t, "system", s->system);
	json_write_bool(t, "removed", s->removed);
	write_pid(t, s);
	json_write_uint(t, "restarts", s->snapshot.n_restarts);
	write_ports(t, p);
	write_slots(t, s, now);
	write_after(t, p);
	write_waits_for(t, m, s);
	json_write_json(t, "last_exit", s->last_exit);
}

/* What is as usual goes without saying. */
static void write_in_brief(struct text *t, const struct manager *m, const struct service *s)
{
	const struct config_process *p = s->process;

	json_write_string(t, "desired", s->wanted ? NULL : "stop");
	if (s->system)
		json_write_bool(t, "system", true);
	if (s->removed)
		json_write_bool(t, "removed", true);
	write_if_any(t, "restarts", s->snapshot.n_restarts);
	if (p->n_ports > 0)
		write_ports(t, p);
	if (p->after && p->after[0])
		write_after(t, p);
	if (s->state == SLOT_WAITING)
		write_waits_for(t, m, s);
	json_write_json(t, "ended", s->ended);
}

/* What happens to it is more important than what it lacks; that nobody takes its output may be why.
 */
static const char *note_of(const struct manager *m, const struct service *s,
			   char buf[static LOG_KEEPING_NOTE_MAX])
{
	const char *held = log_keeping_note(m->log_keeping, s->process->name, buf);

	if (held)
		return held;
	if (s->note[0])
		return s->note;
	if (s->process->sandbox == CONFIG_SANDBOX_OFF)
		return NULL;
	return m->launcher->ops->sandbox_note(m->launcher);
}

static void write_service(struct text *t, const struct manager *m, const struct service *s,
			  struct describe_how how)
{
	const struct gauge *gauge = sampler_gauge(s);
	char note[LOG_KEEPING_NOTE_MAX];
	usec_t now = clock_now_usec();

	json_write_open(t, NULL, '{');
	json_write_string(t, "name", s->process->name);
	json_write_string(t, "state", slot_state_public(s->state));
	write_uptime(t, s, now);
	json_write_string(t, "note", note_of(m, s, note));
	if (gauge)
		write_usage(t, gauge);
	if (how.brief)
		write_in_brief(t, m, s);
	else
		write_in_full(t, m, s, now);
	json_write_close(t, '}');
}

static bool named(const json_t *names, const char *name)
{
	size_t i;
	json_t *value;

	if (json_array_size(names) == 0)
		return true;
	json_array_foreach(names, i, value)
		if (text_equal(json_string_value(value), name))
			return true;
	return false;
}

void describe_services(const struct manager *m, const json_t *names, struct describe_how how,
		       struct text *out)
{
	json_write_open(out, NULL, '{');
	json_write_open(out, "services", '[');
	for (size_t i = 0; i < m->n_services; i++) {
		struct service *s = m->services[i];

		if (!named(names, s->process->name))
			continue;
		if (how.count)
			sampler_look(m->sampler, s);
		else
			sampler_refresh(m->sampler, s);
		write_service(out, m, s, how);
	}
	json_write_close(out, ']');
	json_write_close(out, '}');
}

static json_t *warnings_json(const struct manager *m)
{
	json_t *array = json_array();

	for (size_t i = 0; i < strings_len(m->config->warnings); i++)
		json_array_append_new(array, json_string(m->config->warnings[i]));
	return array;
}

/* A path in a text that people wrote: not always UTF-8. */
static json_t *optional_text(const char *s)
{
	return s && s[0] ? json_text(s, strlen(s)) : NULL;
}

static json_t *optional_uint(uint64_t value)
{
	return value ? json_integer((json_int_t)value) : NULL;
}

/* Our own processes: how many, and, where that is worth a look into /proc, how large. */
struct ourselves {
	bool count;
	int n_keepers;
	int n_daemons;
	uint64_t pss_bytes;
};

static void add_own_process(struct ourselves *o, int *n, pid_t pid)
{
	(*n)++;
	if (o->count)
		o->pss_bytes += proc_pss_bytes(pid);
}

/** Processes of the prober that are counted. */
#define HELPERS_MAX 64

static struct ourselves look_at_ourselves(const struct manager *m, bool count)
{
	struct ourselves o = {.count = count};
	int helpers[HELPERS_MAX];
	size_t n_helpers = prober_pids(m->prober, helpers, ARRAY_LEN(helpers));

	add_own_process(&o, &o.n_daemons, getpid());
	for (size_t i = 0; i < n_helpers; i++)
		add_own_process(&o, &o.n_daemons, helpers[i]);
	if (m->outer_keeper)
		add_own_process(&o, &o.n_keepers, m->outer_keeper);
	for (size_t i = 0; i < m->n_services; i++) {
		const struct service *s = m->services[i];

		if (s->keeper_pid)
			add_own_process(&o, &o.n_keepers, s->keeper_pid);
		if (s->system && service_lives(s))
			add_own_process(&o, &o.n_daemons, s->snapshot.main_pid);
	}
	return o;
}

/* Only where somebody asked for one. */
static const char *sandbox_note(const struct manager *m)
{
	for (size_t i = 0; i < m->config->n_processes; i++)
		if (m->config->processes[i].sandbox == CONFIG_SANDBOX_DEFAULT)
			return m->launcher->ops->sandbox_note(m->launcher);
	return NULL;
}

json_t *describe_status(const struct manager *m, bool count)
{
	static const char *const layouts[] = {"system", "user", "home"};
	struct ourselves o = look_at_ourselves(m, count);

	static_assert(ARRAY_LEN(layouts) == LAYOUT_COUNT, "a name for each layout");
	return json_pack(
		"{s:s, s:i, s:I, s:s, s:s, s:o*, s:I, s:s*, s:s*, s:o, s:i, s:i, s:i, s:o*}",
		"version", SLICEKEEP_VERSION, "pid", (int)getpid(), "started_at_usec",
		(json_int_t)m->started_at_usec, "launcher", m->launcher->ops->name, "layout",
		layouts[m->paths->layout], "config", optional_text(m->paths->config), "revision",
		(json_int_t)m->context.revision, "limits_note",
		m->launcher->ops->limits_note(m->launcher), "sandbox_note", sandbox_note(m),
		"warnings", warnings_json(m), "services", (int)m->n_services, "keepers",
		o.n_keepers, "processes", o.n_daemons, "pss_bytes", optional_uint(o.pss_bytes));
}
