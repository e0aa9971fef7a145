/* SPDX-License-Identifier: MIT */

/*
 * What is kept of whose output: the collector is told, and says what it cannot keep.
 *
 * Only the supervisor knows the config, and the collector is the only one who deletes. It is told
 * everything each time, and the rule for all others last, which is what makes the round count
 * (lib/intake-frame.h); so there is nothing to remember of what was said before. A service that was
 * removed is one of the others.
 *
 * The other way come the streams that it cannot store. A service whose output nobody takes stands
 * still sooner or later, and looks as if it had gone mad, so its own row in `ls` has to say why. A
 * collector that goes takes its troubles along: the next one finds its own.
 */

#include "supervisor/log-keeping.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "config/model.h"
#include "supervisor/collector-link.h"
#include "supervisor/events.h"

/** Streams in trouble; of more we do not speak. */
#define TROUBLES_MAX 4096

/** struct trouble - a stream that cannot be stored, as the collector said it */
struct trouble {
	struct list link;
	struct intake_frame said;
};

struct log_keeping {
	struct collector_link *link;
	struct collector_user user;
	struct config *config;
	struct list troubles;
	unsigned n_troubles;
	struct events *events;
};

/* --- rules ------------------------------------------------------------------------------------ */

static int tell(struct log_keeping *k, const char *name, const struct config_log *log, usec_t round)
{
	struct intake_retain frame = {.magic = INTAKE_MAGIC,
				      .kind = INTAKE_RETAIN,
				      .round = round,
				      .max_bytes = log->max_total_bytes,
				      .max_age_usec =
					      log->max_age_usec ?: k->config->log_max_age_usec};

	(void)snprintf(frame.name, sizeof(frame.name), "%s", name);
	return collector_link_send(k->link, &frame, sizeof(frame), NULL, 0);
}

static void tell_all(struct log_keeping *k)
{
	static const struct config_log others = {0};
	usec_t round = clock_now_usec();
	int code = 0;

	for (size_t i = 0; code == 0 && i < k->config->n_processes; i++) {
		const struct config_process *p = &k->config->processes[i];

		if (p->log.max_total_bytes > 0 || p->log.max_age_usec > 0)
			code = tell(k, p->name, &p->log, round);
	}
	if (code == 0)
		code = tell(k, "", &others, round);
	if (code < 0 && code != -ENOTCONN) /* it is told when it comes */
		log_error("cannot tell the collector what to keep, it goes by what it knows: %s",
			  strerror(-code));
}

void log_keeping_change(struct log_keeping *k, struct config *config)
{
	struct config *old = k->config;

	k->config = config_ref(config);
	config_unref(old);
	tell_all(k);
}

/* --- troubles --------------------------------------------------------------------------------- */

const char *log_keeping_note(const struct log_keeping *k, const char *service,
			     char buf[static LOG_KEEPING_NOTE_MAX])
{
	list_for_each(it, &k->troubles) {
		const struct trouble *t = list_entry(it, struct trouble, link);

		if (strcmp(t->said.name, service) != 0)
			continue;
		(void)snprintf(buf, LOG_KEEPING_NOTE_MAX, "its output is %s: %s",
			       t->said.policy == INTAKE_POLICY_DROP ? "dropped" : "held up",
			       strerror((int)t->said.life));
		return buf;
	}
	return NULL;
}

static struct trouble *find_trouble(const struct log_keeping *k, const struct intake_frame *frame)
{
	list_for_each(it, &k->troubles) {
		struct trouble *t = list_entry(it, struct trouble, link);

		if (t->said.instance == frame->instance && t->said.stream == frame->stream &&
		    strcmp(t->said.name, frame->name) == 0)
			return t;
	}
	return NULL;
}

static void trouble_free(struct log_keeping *k, struct trouble *t)
{
	list_remove(&t->link);
	free(t);
	k->n_troubles--;
}

/* Remember what was said last of a stream. */
static void take_trouble(struct log_keeping *k, const struct intake_frame *frame)
{
	struct trouble *t = find_trouble(k, frame);

	if (frame->life == 0) {
		if (t)
			trouble_free(k, t);
		return;
	}
	if (!t && k->n_troubles < TROUBLES_MAX) {
		t = calloc(1, sizeof(*t));
		if (!t)
			return;
		list_append(&k->troubles, &t->link);
		k->n_troubles++;
	}
	if (t)
		t->said = *frame;
}

static void announce(struct log_keeping *k, const struct intake_frame *frame, const char *text,
		     const char *level)
{
	struct event event = {
		.kind = "log",
		.text = text,
		.level = level,
		.service = frame->name,
		.instance = frame->instance,
	};

	events_add(k->events, &event);
}

static void on_answered(const struct intake_frame *frame, void *userdata)
{
	struct log_keeping *k = userdata;
	char before[LOG_KEEPING_NOTE_MAX] = "", now[LOG_KEEPING_NOTE_MAX] = "";

	if (frame->kind != INTAKE_TROUBLE)
		return;
	(void)log_keeping_note(k, frame->name, before);
	take_trouble(k, frame);
	(void)log_keeping_note(k, frame->name, now);
	if (strcmp(before, now) == 0)
		return;
	if (now[0])
		announce(k, frame, now, "error");
	else
		announce(k, frame, "its output is stored again", NULL);
}

/* --- the collector comes ---------------------------------------------------------------------- */

/* What held the last one up may not hold this one up; if it does, it says so anew. */
static void forget_troubles(struct log_keeping *k)
{
	char note[LOG_KEEPING_NOTE_MAX];

	list_for_each_safe(it, &k->troubles) {
		struct trouble *t = list_entry(it, struct trouble, link);
		struct intake_frame said = t->said;

		trouble_free(k, t);
		if (!log_keeping_note(k, said.name, note))
			announce(k, &said, "another collector takes its output", NULL);
	}
}

static void on_connected(void *userdata)
{
	struct log_keeping *k = userdata;

	forget_troubles(k);
	if (k->config)
		tell_all(k);
}

int log_keeping_new(struct collector_link *link, struct events *events,
		    struct log_keeping **ret_keeping)
{
	struct log_keeping *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	k->link = link;
	k->events = events;
	list_init(&k->troubles);
	k->user = (struct collector_user){
		.connected = on_connected, .answered = on_answered, .userdata = k};
	collector_link_join(link, &k->user);
	*ret_keeping = k;
	return 0;
}

void log_keeping_free(struct log_keeping *k)
{
	if (!k)
		return;
	collector_link_leave(&k->user);
	list_for_each_safe(it, &k->troubles)
		trouble_free(k, list_entry(it, struct trouble, link));
	config_unref(k->config);
	free(k);
}
