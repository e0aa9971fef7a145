/* SPDX-License-Identifier: MIT */

/*
 * The time line's sentences. An event that cannot be made for want of memory is lost, and said so
 * on stderr: nothing else depends on it.
 */

#include "supervisor/announce.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/units.h"
#include "supervisor/events.h"
#include "supervisor/service-keeper.h"
#include "supervisor/service.h"

static void announce(const struct service *s, const char *kind, const char *text)
{
	json_t *event = json_pack("{s:s, s:i, s:s, s:o, s:s*}", "service", s->process->name,
				  "instance", SERVICE_SLOT, "kind", kind, "text",
				  json_text(text, strlen(text)), "who", s->asker);

	if (!event) {
		log_error("%s: out of memory for the event \"%s\"", s->process->name, text);
		return;
	}
	events_add(s->context->events, event);
}

void announce_start(const struct service *s)
{
	char text[64];

	snprintf(text, sizeof(text), "started, pid %d", s->snapshot.main_pid);
	announce(s, "start", text);
}

void announce_ready(const struct service *s)
{
	char text[96];
	char after[UNITS_TEXT_MAX];

	duration_format(usec_sub(clock_now_usec(), s->snapshot.start_usec), after);
	snprintf(text, sizeof(text), "ready after %s", after);
	announce(s, "ready", text);
}

void announce_exit(const struct service *s)
{
	const char *summary = json_string_value(json_object_get(s->last_exit, "summary"));
	json_t *event = json_pack("{s:s, s:i, s:s, s:s, s:O}", "service", s->process->name,
				  "instance", SERVICE_SLOT, "kind", "exit", "text",
				  summary ? summary : "ended", "exit", s->last_exit);

	if (!event) {
		log_error("%s: out of memory for the event of its exit", s->process->name);
		return;
	}
	events_add(s->context->events, event);
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
