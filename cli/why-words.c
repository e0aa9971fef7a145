/* SPDX-License-Identifier: MIT */
/*
 * Why a service is as it is, in words. Pure: the sentence about an exit comes with its report, made
 * by the supervisor for everybody; here it is put into what the person asked, "why is it like that
 * now?", with the evidence below it.
 */
#include "cli/why-words.h"

#include <inttypes.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/text.h"
#include "lib/units.h"
#include "cli/words.h"

#define NOTHING UINT64_MAX
/* Exits that are shown. */
#define EARLIER_MAX 5
/* Of "2026-11-21 03:39:00.123": the day, and where the time stands. */
#define DAY_LEN 10
#define TIME_AT 11
#define TIME_LEN 8

static const char *string_or(const json_t *object, const char *key, const char *otherwise)
{
	const char *s = json_get_string(object, key);

	return s && s[0] ? s : otherwise;
}

static void add_safe(struct text *out, const char *s)
{
	text_add_escaped(out, s, strlen(s), false);
}

static usec_t next_start(const json_t *service)
{
	json_t *slot;
	size_t i;

	json_array_foreach(json_object_get(service, "slots"), i, slot) {
		usec_t usec = json_get_uint(slot, "next_start_usec", NOTHING);

		if (usec != NOTHING)
			return usec;
	}
	return NOTHING;
}

static bool is_oom(const json_t *exit)
{
	return text_equal(json_get_string(exit, "cause"), "oom");
}

/* How often the kernel has killed it on the day of its last exit. */
static uint64_t count_oom_of_day(const json_t *exits, const char *day)
{
	uint64_t n = 0;
	json_t *exit;
	size_t i;

	json_array_foreach(exits, i, exit) {
		char at[CLOCK_TEXT_MAX];

		clock_format_local(json_get_uint(exit, "at_usec", 0), at);
		n += is_oom(exit) && strncmp(at, day, DAY_LEN) == 0;
	}
	return n;
}

/* A service that outgrows its memory does so day after day: when, and how often, is the story. */
static void add_oom(struct text *out, const json_t *exits, usec_t now_at_usec)
{
	const json_t *exit = json_array_get(exits, 0);
	char at[CLOCK_TEXT_MAX], now[CLOCK_TEXT_MAX], buf[WORDS_MAX];
	uint64_t n;

	clock_format_local(json_get_uint(exit, "at_usec", 0), at);
	text_addf(out, " at %.*s", TIME_LEN, at + TIME_AT);
	n = count_oom_of_day(exits, at);
	if (n > 1)
		text_addf(out, ", %s%s time %s", n < WHY_EXITS_MAX ? "" : "at least the ",
			  words_ordinal(n, buf),
			  strncmp(clock_format_local(now_at_usec, now), at, DAY_LEN) == 0
				  ? "today"
				  : "that day");
}

static void add_exit(struct text *out, const json_t *exits, usec_t now_at_usec)
{
	const json_t *exit = json_array_get(exits, 0);
	uint64_t failures = json_get_uint(exit, "failures", 0);
	usec_t throttled_usec = json_get_uint(exit, "throttled_usec", 0);
	char buf[WORDS_MAX];

	add_safe(out, string_or(exit, "summary", "ended"));
	if (is_oom(exit))
		add_oom(out, exits, now_at_usec);
	else if (failures > 1)
		text_addf(out, ", %s failure in a row", words_ordinal(failures, buf));
	if (throttled_usec >= USEC_PER_SEC)
		text_addf(out, "; %s throttled", words_duration(throttled_usec, buf));
}

static void add_outlook(struct text *out, const json_t *service)
{
	usec_t next_usec = next_start(service);
	const char *desired = string_or(service, "desired", "run");
	char buf[WORDS_MAX];

	if (next_usec != NOTHING)
		text_addf(out, "; next try in %s", words_duration(next_usec, buf));
	else if (text_equal(json_get_string(service, "state"), "failed"))
		text_add(out, "; it is not tried again by itself");
	else if (strcmp(desired, "stop") == 0)
		text_add(out, "; it stays stopped until it is started");
}

/* What it does now, where that is not the consequence of its last exit. */
static void add_present(struct text *out, const json_t *service, const json_t *exits,
			usec_t now_at_usec)
{
	usec_t uptime_usec = json_get_uint(service, "uptime_usec", NOTHING);
	const char *note = string_or(service, "note", NULL);
	char buf[WORDS_MAX];

	if (uptime_usec != NOTHING)
		text_addf(out, " for %s", words_duration(uptime_usec, buf));
	text_add(out, ": ");
	if (json_array_size(json_object_get(service, "waits_for")) > 0) {
		text_add(out, "waits for ");
		words_list(out, json_object_get(service, "waits_for"));
		text_add(out, "; ");
	} else if (note) {
		add_safe(out, note);
		text_add(out, "; ");
	}
	if (json_array_size(exits) == 0) {
		text_add(out, "it has not exited yet");
		return;
	}
	text_add(out, uptime_usec != NOTHING ? "before that " : "");
	add_exit(out, exits, now_at_usec);
}

void why_head(struct text *out, const char *name, const json_t *service, const json_t *exits,
	      usec_t now_at_usec, const struct style *style)
{
	const char *state = string_or(service, "state", "removed");

	text_add(out, name);
	text_addf(out, " %s%s%s", style_on(style, style_state(state)), state, style_off(style));
	add_present(out, service, exits, now_at_usec);
	if (service && json_array_size(exits) > 0)
		add_outlook(out, service);
	text_add(out, "\n");
}

static void add_age(struct text *out, const json_t *exit, usec_t now_at_usec)
{
	usec_t at_usec = json_get_uint(exit, "at_usec", now_at_usec);
	char buf[WORDS_MAX];

	text_addf(out, "%s ago", words_duration(usec_sub(now_at_usec, at_usec), buf));
}

static void add_fact(struct text *out, const char *label)
{
	text_addf(out, "  %-10s", label);
}

static void add_usage(struct text *out, const json_t *exit)
{
	uint64_t memory_bytes =
		json_get_uint(exit, "memory_peak_bytes", json_get_uint(exit, "maxrss_bytes", 0));
	char size[UNITS_TEXT_MAX], user[WORDS_MAX], system[WORDS_MAX];

	if (memory_bytes == 0 && json_get_uint(exit, "user_usec", 0) == 0)
		return;
	add_fact(out, "used");
	text_addf(out, "%s of memory at most, %s of CPU (%s in the kernel)\n",
		  size_format(memory_bytes, size),
		  words_duration(json_get_uint(exit, "user_usec", 0) +
					 json_get_uint(exit, "system_usec", 0),
				 user),
		  words_duration(json_get_uint(exit, "system_usec", 0), system));
}

/** struct counted - something that is only worth a line when there is some of it */
struct counted {
	const char *key;
	const char *label;
	const char *one;
	const char *many;
};

static void add_counts(struct text *out, const json_t *exit, const struct counted *counted,
		       size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct counted *c = &counted[i];
		uint64_t count = json_get_uint(exit, c->key, 0);

		if (count == 0)
			continue;
		add_fact(out, c->label);
		text_addf(out, "%" PRIu64 " %s\n", count, count == 1 ? c->one : c->many);
	}
}

static void add_throttling(struct text *out, const json_t *exit)
{
	usec_t usec = json_get_uint(exit, "throttled_usec", 0);
	char buf[WORDS_MAX];

	if (usec == 0)
		return;
	add_fact(out, "throttled");
	text_addf(out, "%s by its CPU limit\n", words_duration(usec, buf));
}

static const struct counted limits_met[] = {
	{"oom_kills", "memory", "process killed by the kernel", "processes killed by the kernel"},
	{"memory_high_hits", "memory", "time held up at its memory_high",
	 "times held up at its memory_high"},
	{"tasks_denied", "tasks", "fork denied by its limit", "forks denied by its limit"},
};

static const struct counted left_over[] = {
	{"killed", "left", "process that it had left behind was killed",
	 "processes that it had left behind were killed"},
	{"left", "left", "process could not be killed", "processes could not be killed"},
	{"left_bytes", "output", "byte was still unread at the end",
	 "bytes were still unread at the end"},
};

static void add_victim(struct text *out, const json_t *exit)
{
	const char *victim = json_get_string(exit, "victim");

	if (!victim)
		return;
	add_fact(out, "victim");
	add_safe(out, victim);
	text_add(out, ", as the kernel's log says\n");
}

/* How long it waited for what; nothing when it hardly had to. */
static void add_pressure(struct text *out, const json_t *exit)
{
	static const char *const keys[][2] = {
		{"cpu_pressure_percent", "CPU"},
		{"memory_pressure_percent", "memory"},
		{"io_pressure_percent", "the disk"},
	};
	bool is_first = true;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		uint64_t percent = json_get_uint(exit, keys[i][0], 0);

		if (percent == 0)
			continue;
		if (is_first)
			add_fact(out, "waited");
		text_addf(out, "%s%" PRIu64 "%% for %s", is_first ? "" : ", ", percent, keys[i][1]);
		is_first = false;
	}
	if (!is_first)
		text_add(out, " in the minute before\n");
}

void why_evidence(struct text *out, const json_t *exit, usec_t now_at_usec)
{
	add_fact(out, "when");
	add_age(out, exit, now_at_usec);
	text_addf(out, ", config revision %" PRIu64 "\n", json_get_uint(exit, "revision", 0));
	add_usage(out, exit);
	add_counts(out, exit, limits_met, ARRAY_LEN(limits_met));
	add_victim(out, exit);
	add_pressure(out, exit);
	add_throttling(out, exit);
	add_counts(out, exit, left_over, ARRAY_LEN(left_over));
}

void why_earlier(struct text *out, const json_t *exits, usec_t now_at_usec)
{
	for (size_t i = 1; i < MIN_OF(json_array_size(exits), (size_t)EARLIER_MAX); i++) {
		const json_t *exit = json_array_get(exits, i);

		add_fact(out, i == 1 ? "earlier" : "");
		add_age(out, exit, now_at_usec);
		text_add(out, ": ");
		add_safe(out, string_or(exit, "summary", "ended"));
		text_add(out, "\n");
	}
}
