/* SPDX-License-Identifier: MIT */

/*
 * What daemons of ours tell of what happened, see lib/intake-frame.h for the form of a line.
 *
 * An event stands at the time at which it happened and not, as a line does, at the time at which it
 * was stored: it may have waited for a collector, or for its daemon to come back. What its service
 * printed is stamped a moment after it was printed, so times alone would put the last words of a
 * life behind its end. But both name the life, and that decides.
 *
 * A line that is damaged, or none of ours, tells nothing and is passed over; nobody is to be misled
 * by half an event.
 */

#include "log/event.h"

#include <string.h>

#include "lib/json.h"
#include "lib/text.h"

const char *const event_writers[EVENT_WRITERS_MAX + 1] = {"supervisor", "ci", "router",
							  "scheduler"};

static void read_about(struct event *e, const struct stream_id *writer)
{
	const char *service = json_get_string(e->root, "service");
	uint64_t instance = json_get_uint(e->root, "instance", 0);

	e->about = *writer;
	if (!service || !text_name_valid(service) || instance > UINT32_MAX)
		return;
	(void)memset(e->about.service, 0, sizeof(e->about.service));
	memcpy(e->about.service, service, strlen(service));
	e->about.instance = (uint32_t)instance;
}

static void read_level(struct event *e)
{
	const char *level = json_get_string(e->root, "level");

	e->level = level ? severity_parse(level, strlen(level)) : SEVERITY_INFO;
	if (e->level == SEVERITY_UNKNOWN)
		e->level = SEVERITY_INFO;
}

int event_read(const char *bytes, size_t n_bytes, const struct stream_id *writer,
	       struct event *ret_event)
{
	struct event e = {.root = json_loadb(bytes, n_bytes, JSON_REJECT_DUPLICATES, NULL)};
	const json_t *exit = json_object_get(e.root, "exit");

	e.kind = json_get_string(e.root, "kind");
	e.text = json_get_string(e.root, "text");
	e.at_usec = json_get_uint(e.root, "at_usec", 0);
	if (!e.kind || !e.text || e.at_usec == 0) {
		json_decref(e.root);
		return -EBADMSG;
	}
	e.n_text = json_string_length(json_object_get(e.root, "text"));
	e.who = json_get_string(e.root, "who");
	e.seq = json_get_uint(e.root, "seq", 0);
	e.ends = json_is_object(exit);
	e.life = json_get_uint(e.ends ? exit : e.root, "life", 0);
	read_about(&e, writer);
	read_level(&e);
	*ret_event = e;
	return 0;
}

void event_done(struct event *e)
{
	json_decref(e->root);
	*e = (struct event){0};
}

bool event_comes_before(const struct event *e, uint64_t life)
{
	return e->ends ? life > e->life : life >= e->life;
}
