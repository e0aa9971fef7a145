/* SPDX-License-Identifier: MIT */
/*
 * Services as a table and as JSON.
 *
 * The last column has no title: it holds what a person would want to be told about this service
 * and no other, so that an ordinary line stays empty and the odd one stands out.
 */
#include "cli/service-table.h"

#include <inttypes.h>
#include <string.h>

#include "lib/json.h"
#include "lib/text.h"
#include "lib/units.h"
#include "cli/table.h"
#include "cli/words.h"

/** With what stands before it, and the mark that it was cut, a line of 80 columns. */
#define REASON_MAX 58

static bool state_is(const json_t *service, const char *state)
{
	return text_equal(json_get_string(service, "state"), state);
}

static void add_up(struct table *t, const json_t *service, usec_t elapsed_usec)
{
	usec_t uptime_usec = json_get_uint(service, "uptime_usec", USEC_INFINITY);
	char buf[UNITS_TEXT_MAX];

	if (uptime_usec == USEC_INFINITY)
		table_add(t, PAINT_NONE, "-");
	else
		table_add(t, PAINT_NONE, duration_format(usec_add(uptime_usec, elapsed_usec), buf));
}

/* Whether it ended by itself, and that is worth a question. */
static bool is_odd(const json_t *service)
{
	if (state_is(service, "backoff") || state_is(service, "failed"))
		return true;
	return json_object_get(service, "ended") && json_get_uint(service, "restarts", 0) > 0;
}

static void add_restarts(struct table *t, const json_t *service)
{
	const json_t *ended = json_object_get(service, "ended");
	uint64_t restarts = json_get_uint(service, "restarts", 0);
	char buf[WORDS_MAX];

	if (ended && is_odd(service))
		table_addf(t, PAINT_NONE, "%" PRIu64 " (%s)", restarts, words_exit(ended, buf));
	else
		table_addf(t, PAINT_NONE, "%" PRIu64, restarts);
}

static void add_usage(struct table *t, const json_t *service)
{
	char buf[WORDS_MAX];

	table_add(t, PAINT_NONE, words_usage(service, "cpu_usec", words_percent, buf));
	table_add(t, PAINT_NONE, words_memory(service, buf));
}

/* Those that it listens on, where somebody has looked; otherwise those that the config has. */
static void add_ports(struct table *t, const json_t *service)
{
	cleanup_text struct text ports = {0};
	const json_t *listening = json_object_get(service, "listening");

	words_ports(&ports, listening ? listening : json_object_get(service, "ports"));
	table_add(t, PAINT_NONE, ports.data ? ports.data : "");
}

static void remark(struct text *remarks, const char *s)
{
	if (remarks->len > 0)
		text_add(remarks, ", ");
	text_add(remarks, s);
}

/* "after site" only where "waits for site" does not say so already. */
static void remark_order(struct text *remarks, const json_t *service)
{
	const json_t *waits_for = json_object_get(service, "waits_for");
	const json_t *after = json_object_get(service, "after");
	bool waits = json_array_size(waits_for) > 0;

	if (!waits && json_array_size(after) == 0)
		return;
	remark(remarks, waits ? "waits for " : "after ");
	words_list(remarks, waits ? waits_for : after);
}

static void add_remarks(struct table *t, const json_t *service)
{
	cleanup_text struct text remarks = {0};
	const char *note = json_get_string(service, "note");
	uint64_t processes = json_get_uint(service, "processes", 0);
	bool waits = json_array_size(json_object_get(service, "waits_for")) > 0;
	bool system = json_get_bool(service, "system", false);
	char buf[WORDS_MAX];

	if (note && note[0] && !waits)
		remark(&remarks, note);
	if (is_odd(service)) {
		remark(&remarks, "why ");
		text_add(&remarks, json_get_string(service, "name"));
	}
	remark_order(&remarks, service);
	if (processes > 1 && !system)
		remark(&remarks, words_plural(processes, "process", "processes", buf));
	if (json_get_bool(service, "removed", false))
		remark(&remarks, "not in the config any more");
	if (system)
		remark(&remarks, "part of slicekeep");
	table_add(t, PAINT_DIM, remarks.data ? remarks.data : "");
}

int service_table(const json_t *services, usec_t elapsed_usec, const struct style *style,
		  size_t columns_max, struct text *out)
{
	static const char *const heads[] = {"SERVICE", "STATE",    "UP",    "CPU",
					    "MEMORY",  "RESTARTS", "PORTS", ""};
	cleanup_table struct table t;
	json_t *service;
	size_t i;

	table_init(&t, heads, ARRAY_LEN(heads));
	json_array_foreach(services, i, service) {
		const char *name = json_get_string(service, "name");
		const char *state = json_get_string(service, "state");
		bool system = json_get_bool(service, "system", false);

		table_add(&t, system ? PAINT_DIM : PAINT_NONE, name ? name : "?");
		table_add(&t, style_state(state ? state : ""), state ? state : "?");
		add_up(&t, service, elapsed_usec);
		add_usage(&t, service);
		add_restarts(&t, service);
		add_ports(&t, service);
		add_remarks(&t, service);
	}
	return table_print(&t, style, columns_max, out);
}

static void add_ourselves(const json_t *status, struct text *out)
{
	uint64_t pss_bytes = json_get_uint(status, "pss_bytes", 0);
	char daemons[WORDS_MAX], keepers[WORDS_MAX], size[UNITS_TEXT_MAX];

	text_addf(out, "slicekeep itself: %s, %s",
		  words_plural(json_get_uint(status, "processes", 0), "daemon", "daemons", daemons),
		  words_plural(json_get_uint(status, "keepers", 0), "keeper", "keepers", keepers));
	if (pss_bytes > 0)
		text_addf(out, ", %s", size_format(pss_bytes, size));
	text_add(out, "\n");
}

const char *service_limits_reason(const char *note)
{
	static const char said[] = "limits not enforced: ";

	return text_starts(note, said) ? note + strlen(said) : note;
}

/* One line of a terminal. What can be done about it stands in brackets; `doctor` says all of it. */
static void add_limits(struct text *out, const char *reason)
{
	const char *bracket = strstr(reason, " (");
	size_t n = bracket ? (size_t)(bracket - reason) : strlen(reason);

	text_add(out, "limits not enforced: ");
	text_add_escaped(out, reason, MIN_OF(n, (size_t)REASON_MAX), false);
	text_add(out, n > REASON_MAX ? "…\n" : "\n");
}

void service_footer(const json_t *status, bool ourselves, struct text *out)
{
	const char *limits = json_get_string(status, "limits_note");
	json_t *warning;
	size_t i;

	json_array_foreach(json_object_get(status, "warnings"), i, warning) {
		text_add(out, "warning: ");
		text_add_escaped(out, json_string_value(warning), json_string_length(warning),
				 false);
		text_add(out, "\n");
	}
	if (limits)
		add_limits(out, service_limits_reason(limits));
	if (ourselves)
		add_ourselves(status, out);
}

/* The wire leaves out what is not there; a script wants to find null. */
static int fill_nulls(json_t *object, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!json_object_get(object, keys[i]) &&
		    json_object_set_new(object, keys[i], json_null()) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int export_one(json_t *service)
{
	static const char *const keys[] = {"pid",       "uptime_usec",  "processes",
					   "cpu_usec",  "memory_bytes", "memory_max_bytes",
					   "listening", "note",         "last_exit"};
	static const char *const slot_keys[] = {"pid", "uptime_usec", "next_start_usec", "life",
						"status"};
	json_t *slot;
	size_t i;

	if (fill_nulls(service, keys, ARRAY_LEN(keys)) < 0)
		return -ENOMEM;
	json_array_foreach(json_object_get(service, "slots"), i, slot) {
		if (fill_nulls(slot, slot_keys, ARRAY_LEN(slot_keys)) < 0)
			return -ENOMEM;
	}
	return 0;
}

json_t *service_exported(const json_t *services)
{
	cleanup_json json_t *copy = json_deep_copy(services);
	json_t *service;
	size_t i;

	json_array_foreach(copy, i, service) {
		if (export_one(service) < 0)
			return NULL;
	}
	return steal_ptr(copy);
}

/* What waits moves when the one that it waits for does, which is in the list as well. */
static bool is_moving(const json_t *service)
{
	bool is_wanted = !text_equal(json_get_string(service, "desired"), "stop");

	if (json_array_size(json_object_get(service, "waits_for")) > 0)
		return false;
	return state_is(service, "starting") || state_is(service, "stopping") ||
	       (state_is(service, "stopped") && is_wanted);
}

bool service_list_settled(const json_t *services)
{
	json_t *service;
	size_t i;

	json_array_foreach(services, i, service) {
		if (is_moving(service))
			return false;
	}
	return true;
}
