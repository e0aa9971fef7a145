/* SPDX-License-Identifier: MIT */

/*
 * The time line's sentences. A service knows what happens to it, the store of events knows how to
 * keep it; which words people read is decided here, and nowhere else.
 *
 * A life begins and ends when its keeper saw it, not when we heard of it: a service that was faster
 * than we are still has its start before its first line.
 */

#include "supervisor/announce.h"

#include <stdio.h>

#include "lib/clock.h"
#include "lib/units.h"
#include "supervisor/events.h"
#include "supervisor/keeper/exit-frame.h"
#include "supervisor/service-keeper.h"
#include "supervisor/service.h"

/** A restart that is farther away than that is told. */
#define BACKOFF_TOLD_USEC USEC_PER_SEC

static struct event event_of(const struct service *s, const char *kind, const char *text)
{
	return (struct event){
		.kind = kind,
		.text = text,
		.service = s->process->name,
		.instance = SERVICE_SLOT,
		.who = s->asker,
	};
}

static void announce(const struct service *s, const char *kind, const char *text)
{
	struct event event = event_of(s, kind, text);

	events_add(s->context->events, &event);
}

void announce_start(const struct service *s)
{
	char text[64];
	struct event event = event_of(s, "start", text);

	snprintf(text, sizeof(text), "started, pid %d", s->snapshot.main_pid);
	event.life = s->snapshot.life;
	event.at_usec = s->snapshot.life;
	events_add(s->context->events, &event);
}

void announce_ready(const struct service *s)
{
	char text[96];
	char after[UNITS_TEXT_MAX];

	duration_format(usec_sub(clock_now_usec(), s->snapshot.start_usec), after);
	snprintf(text, sizeof(text), "ready after %s", after);
	announce(s, "ready", text);
}

/* What a person who looks for trouble wants to see. */
static const char *exit_level(const struct keeper_exit *report)
{
	switch ((enum keeper_cause)report->cause) {
	case KEEPER_CAUSE_STOP:
		return NULL;
	case KEEPER_CAUSE_STOP_TIMEOUT:
		return "warning";
	case KEEPER_CAUSE_EXIT:
		return report->wait_status == 0 ? NULL : "error";
	case KEEPER_CAUSE_NONE:
	case KEEPER_CAUSE_SIGNAL:
	case KEEPER_CAUSE_OOM:
	case KEEPER_CAUSE_EXEC_FAILED:
	case KEEPER_CAUSE_WATCHDOG:
	case KEEPER_CAUSE_HEALTH:
	case KEEPER_CAUSE_NOT_READY:
	case KEEPER_CAUSE_TASKS_MAX:
	case KEEPER_CAUSE_COUNT:
	default:
		return "error";
	}
}

/* A restart that comes at once is told by its start. */
static void announce_backoff(const struct service *s, const struct keeper_exit *report)
{
	usec_t delay_usec = usec_sub(report->next_usec, clock_now_usec());
	struct event event;
	char delay[UNITS_TEXT_MAX];
	char text[128];

	if (report->next_usec == USEC_INFINITY || delay_usec < BACKOFF_TOLD_USEC)
		return;
	duration_format(delay_usec, delay);
	if (report->n_failures > 1)
		snprintf(text, sizeof(text), "starts again in %s, after %u failures in a row",
			 delay, report->n_failures);
	else
		snprintf(text, sizeof(text), "starts again in %s", delay);
	event = event_of(s, "backoff", text);
	event.level = report->n_failures > 0 ? "warning" : NULL;
	event.who = NULL;
	events_add(s->context->events, &event);
}

void announce_exit(const struct service *s, const struct keeper_exit *report, const char *summary)
{
	struct event event = {
		.kind = "exit",
		.text = summary,
		.level = exit_level(report),
		.at_usec = report->at_usec,
		.service = s->process->name,
		.instance = SERVICE_SLOT,
		.exit = s->last_exit,
	};

	events_add(s->context->events, &event);
	announce_backoff(s, report);
}

void announce_stopped(const struct service *s)
{
	announce(s, "stop",
		 s->unswept ? "stopped, but something of it may still run"
			    : "stopped, nothing of it is left");
}

void announce_fail(const struct service *s, const char *text)
{
	struct event event = event_of(s, "fail", text);

	event.level = "error";
	events_add(s->context->events, &event);
}

void announce_limits(const struct service *s)
{
	announce(s, "limits", "limits changed");
}
