/* SPDX-License-Identifier: MIT */

/*
 * The time line's sentences. A service knows what happens to it, the store of events knows how to
 * keep it; which words people read is decided here, and nowhere else.
 */

#include "supervisor/announce.h"

#include <stdio.h>

#include "lib/clock.h"
#include "lib/units.h"
#include "supervisor/events.h"
#include "supervisor/service-keeper.h"
#include "supervisor/service.h"

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

void announce_exit(const struct service *s, const char *summary)
{
	struct event event = {
		.kind = "exit",
		.text = summary,
		.service = s->process->name,
		.instance = SERVICE_SLOT,
		.exit = s->last_exit,
	};

	events_add(s->context->events, &event);
}

void announce_stopped(const struct service *s)
{
	announce(s, "stop",
		 s->unswept ? "stopped, but something of it may still run"
			    : "stopped, nothing of it is left");
}

void announce_fail(const struct service *s, const char *text)
{
	announce(s, "fail", text);
}

void announce_limits(const struct service *s)
{
	announce(s, "limits", "limits changed");
}
