/* SPDX-License-Identifier: MIT */
/*
 * One time line out of two: what a service printed, and what happened to it.
 *
 * Lines set the pace, because they are counted (-n) and searched; an event is put in front of the
 * first line that came after it. With equal stamps the event comes first: that a service was
 * started is the reason for its first line.
 */
#include "cli/log-print.h"

#include "lib/json.h"
#include "lib/text.h"
#include "cli/log-line.h"

static void print_event(struct log_print *p, const json_t *event, struct text *out)
{
	if (!p->json && json_get_uint(event, "at_usec", 0) >= p->from_usec)
		log_event_add(out, event, &p->style);
}

void log_print_events(struct log_print *p, usec_t until_usec, struct text *out)
{
	for (; p->next < json_array_size(p->events); p->next++) {
		const json_t *event = json_array_get(p->events, p->next);

		if (json_get_uint(event, "at_usec", 0) > until_usec)
			return;
		print_event(p, event, out);
	}
}

static void print_json_object(const json_t *line, struct text *out)
{
	char *dumped = json_dumps(line, JSON_COMPACT);

	if (!dumped)
		out->failed = true;
	text_add(out, dumped);
	text_add(out, "\n");
	free(dumped);
}

void log_print_lines(struct log_print *p, const json_t *lines, struct text *out)
{
	json_t *line;
	size_t i;

	json_array_foreach(lines, i, line) {
		usec_t at_usec = json_get_uint(line, "at_usec", 0);

		if (p->whole && json_get_bool(line, "open", false))
			continue;
		if (p->n_lines++ == 0 && p->from_usec == USEC_INFINITY)
			p->from_usec = at_usec;
		log_print_events(p, at_usec, out);
		if (p->json)
			print_json_object(line, out);
		else
			log_line_add(out, line, &p->style);
	}
}

int log_print_add_events(struct log_print *p, const json_t *events)
{
	if (!p->events)
		p->events = json_array();
	if (p->next > 0 && p->next == json_array_size(p->events)) {
		(void)json_array_clear(p->events);
		p->next = 0;
	}
	return json_array_extend(p->events, (json_t *)events) < 0 ? -ENOMEM : 0;
}

void log_print_done(struct log_print *p)
{
	json_decref(p->events);
	p->events = NULL;
}
