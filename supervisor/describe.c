/* SPDX-License-Identifier: MIT */

/*
 * The truth as JSON. Everything here is read from what the manager holds, but for two numbers that
 * only /proc knows and that Status alone asks for: the memory of our own processes, and how many
 * processes there are in all.
 */

#include "supervisor/describe.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/text.h"
#include "supervisor/launcher.h"
#include "supervisor/manager.h"
#include "supervisor/prober.h"
#include "supervisor/proc.h"
#include "supervisor/service-keeper.h"

static bool lives(const struct service *s)
{
	return s->snapshot.main_pid > 0 && slot_holds_payload(s->state);
}

/* Notes quote what people wrote and are cut at a byte: not always UTF-8 at the end. */
static json_t *optional_text(const char *s)
{
	return s && s[0] ? json_text(s, strlen(s)) : NULL;
}

static json_t *optional_uint(uint64_t value)
{
	return value ? json_integer((json_int_t)value) : NULL;
}

static json_t *uptime(const struct service *s)
{
	if (!lives(s))
		return NULL;
	return json_integer((json_int_t)usec_sub(clock_now_usec(), s->snapshot.start_usec));
}

static json_t *next_start(const struct service *s)
{
	if (s->state != SLOT_BACKOFF)
		return NULL;
	return json_integer((json_int_t)usec_sub(s->snapshot.next_usec, clock_now_usec()));
}

static json_t *ports_json(const struct config_process *p)
{
	json_t *ports = json_array();

	for (size_t i = 0; i < p->n_ports; i++)
		if (p->ports[i])
			json_array_append_new(ports, json_integer(p->ports[i]));
	return ports;
}

static json_t *slots_json(const struct service *s)
{
	const struct keeper_snapshot *k = &s->snapshot;

	if (s->state == SLOT_STOPPED)
		return json_array();
	return json_pack("[{s:i, s:s, s:o*, s:o*, s:b, s:o*, s:o*, s:i, s:o*, s:o*, s:o}]",
			 "instance", SERVICE_SLOT, "state", slot_state_public(s->state), "pid",
			 lives(s) ? json_integer(k->main_pid) : NULL, "keeper_pid",
			 optional_uint((uint64_t)s->keeper_pid), "ready", slot_is_ready(s->state),
			 "uptime_usec", uptime(s), "next_start_usec", next_start(s), "restarts",
			 (int)k->n_restarts, "life", optional_uint(s->life), "status",
			 optional_text(k->status), "ports", ports_json(s->process));
}

static json_t *strings_json(char *const *strings)
{
	json_t *array = json_array();

	for (size_t i = 0; i < strings_len(strings); i++)
		json_array_append_new(array, json_string(strings[i]));
	return array;
}

static json_t *waits_for(const struct manager *m, const struct service *s)
{
	const struct service *blocker;

	if (s->state != SLOT_WAITING)
		return json_array();
	blocker = manager_blocker(m, s);
	return blocker ? json_pack("[s]", blocker->process->name) : json_array();
}

static const char *slice_of(const struct service *s)
{
	if (s->system)
		return "system";
	return s->process->slice ? s->process->slice : "default";
}

/** Processes of one service that are counted. */
#define COUNT_MAX 1024

static json_t *last_exit(const struct service *s, struct describe_how how)
{
	const char *cause = json_get_string(s->last_exit, "cause");

	return how.brief && cause && text_starts(cause, "stop") ? NULL : s->last_exit;
}

json_t *describe_service(const struct manager *m, const struct service *s, struct describe_how how)
{
	const struct config_process *p = s->process;
	uint64_t counted = how.count && lives(s) ? proc_count_tree(s->keeper_pid, COUNT_MAX) : 0;
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:o*, s:o*, s:i}", "name",
				 p->name, "state", slot_state_public(s->state), "desired",
				 s->wanted ? "run" : "stop", "type",
				 p->type == CONFIG_TYPE_ONESHOT ? "oneshot" : "service", "slice",
				 slice_of(s), "system", s->system, "removed", s->removed, "pid",
				 lives(s) ? json_integer(s->snapshot.main_pid) : NULL,
				 "uptime_usec", uptime(s), "restarts", (int)s->snapshot.n_restarts);
	json_t *more = json_pack("{s:o*, s:o, s:o, s:o, s:o, s:o*, s:O*}", "processes",
				 optional_uint(counted ? counted - 1 : 0), "ports", ports_json(p),
				 "slots", how.brief ? json_array() : slots_json(s), "after",
				 strings_json(p->after), "waits_for", waits_for(m, s), "note",
				 optional_text(s->note), "last_exit", last_exit(s, how));

	if (!json || !more || json_object_update(json, more) < 0) {
		json_decref(json);
		json = NULL;
	}
	json_decref(more);
	return json;
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

json_t *describe_services(const struct manager *m, const json_t *names, struct describe_how how)
{
	json_t *services = json_array();

	for (size_t i = 0; services && i < m->n_services; i++) {
		const struct service *s = m->services[i];

		if (!named(names, s->process->name))
			continue;
		if (json_array_append_new(services, describe_service(m, s, how)) < 0) {
			json_decref(services);
			return NULL;
		}
	}
	return services;
}

static json_t *warnings_json(const struct manager *m)
{
	return strings_json(m->config->warnings);
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
		if (s->system && lives(s))
			add_own_process(&o, &o.n_daemons, s->snapshot.main_pid);
	}
	return o;
}

json_t *describe_status(const struct manager *m, bool count)
{
	static const char *const layouts[] = {"system", "user", "home"};
	struct ourselves o = look_at_ourselves(m, count);

	static_assert(ARRAY_LEN(layouts) == LAYOUT_COUNT, "a name for each layout");
	return json_pack("{s:s, s:i, s:I, s:s, s:s, s:o*, s:I, s:s*, s:o, s:i, s:i, s:i, s:o*}",
			 "version", SLICEKEEP_VERSION, "pid", (int)getpid(), "started_at_usec",
			 (json_int_t)m->started_at_usec, "launcher", m->launcher->ops->name,
			 "layout", layouts[m->paths->layout], "config",
			 optional_text(m->paths->config), "revision",
			 (json_int_t)m->context.revision, "limits_note",
			 m->launcher->ops->limits_note(m->launcher), "warnings", warnings_json(m),
			 "services", (int)m->n_services, "keepers", o.n_keepers, "processes",
			 o.n_daemons, "pss_bytes", optional_uint(o.pss_bytes));
}
