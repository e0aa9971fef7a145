/* SPDX-License-Identifier: MIT */

/*
 * A reel: a tape that stands at a line that somebody wants.
 *
 * On most tapes that is a line of a service. On a tape of events one line is about this service and
 * the next about that one: each is understood, and has a service, a time and a text of its own from
 * then on. The tape itself knows nothing of that: it is looked up by the times at which it was
 * stored. Nothing is stored before it happens, so what is stored before a time has happened before
 * it; the reverse need not be, and therefore a tape of events is read to its end.
 *
 * Going back, an event that is not wanted still says how far back the reel has come. Without that a
 * service that has no events would be looked for among those of all others, back to the first one,
 * before its last line could be shown.
 */

#include "log/reel.h"

#include <stdio.h>
#include <string.h>

/** Names that an event is searched for before it is parsed. */
#define NAMES_SEARCHED_MAX 8

void reel_free(struct reel *reel)
{
	if (!reel)
		return;
	event_done(&reel->event);
	tape_done(&reel->tape);
	free(reel);
}

bool reel_has_events(const struct reel *reel)
{
	return reel->tape.id.stream == INTAKE_STREAM_EVENT;
}

size_t reel_bytes(const struct reel *reel)
{
	return reel->tape.line.n_bytes;
}

bool reel_has_mark(const struct reel *reel)
{
	return reel->line.dropped > 0 && !reel->line.damaged;
}

/* --- events ----------------------------------------------------------------------------------- */

/* Most events are about others, and one look at their bytes tells. */
static bool may_be_wanted(const struct line *line, const struct filter *f)
{
	char quoted[STREAM_SERVICE_MAX + 3];

	if (!f->names || filter_names(f, line->id->service))
		return true;
	for (size_t i = 0; f->names[i]; i++) {
		int n = snprintf(quoted, sizeof(quoted), "\"%s\"", f->names[i]);

		if (i == NAMES_SEARCHED_MAX || memmem(line->text, line->n_bytes, quoted, (size_t)n))
			return true;
	}
	return false;
}

/* The line as what it tells. Return: whether it is wanted. */
static bool show_event(struct reel *reel, const struct filter *f)
{
	struct event *e = &reel->event;
	struct line *line = &reel->line;

	event_done(e);
	/* What was lost were events about anybody. */
	if (line->dropped > 0)
		return (!f->names || filter_names(f, line->id->service)) &&
		       filter_wants_line(f, line);
	if (line->cut || !may_be_wanted(line, f) ||
	    event_read(line->text, line->n_bytes, line->id, e) < 0)
		return false;
	*line = (struct line){.id = &e->about,
			      .writer = &reel->tape.id,
			      .event = e,
			      .text = e->text,
			      .n_bytes = e->n_text,
			      .at_usec = e->at_usec,
			      .life = e->life};
	return filter_wants_line(f, line);
}

static bool show(struct reel *reel, const struct filter *f)
{
	reel->line = reel->tape.line;
	return reel_has_events(reel) ? show_event(reel, f) : filter_wants_line(f, &reel->line);
}

/* --- one line --------------------------------------------------------------------------------- */

/* Half an event is never shown; the other half is about to come. */
static bool is_waited_for(const struct reel *reel, bool follow)
{
	return reel->tape.line.open && (follow || reel_has_events(reel));
}

int reel_back(struct reel *reel, const struct filter *f, bool follow)
{
	int r = tape_back(&reel->tape);

	reel->passed = false;
	if (r <= 0 || reel->tape.line.at_usec < f->since_usec)
		return MIN_OF(r, REEL_END);
	if (is_waited_for(reel, follow)) {
		reel->start = tape_place(&reel->tape);
		return REEL_AGAIN;
	}
	if (show(reel, f))
		return REEL_READY;
	if (!reel_has_events(reel))
		return REEL_AGAIN;
	reel->line = reel->tape.line;
	reel->passed = true;
	return REEL_READY;
}

/* At its end: look once more if there is more by now, or wait for news. */
static int reel_rest(struct reel *reel)
{
	int r;

	if (!reel->stale) {
		tape_rest(&reel->tape);
		return REEL_END;
	}
	reel->stale = false;
	r = tape_refresh(&reel->tape);
	return r < 0 ? r : REEL_AGAIN;
}

static bool is_too_late(const struct reel *reel, const struct filter *f)
{
	return f->until_usec != 0 && reel->tape.line.at_usec > f->until_usec;
}

/* Who asks on without an end in time, or with a later one, wants it. */
static void reel_leave_for_later(struct reel *reel)
{
	if (reel->later.seq == 0)
		reel->later = tape_place(&reel->tape);
}

struct cursor_place reel_place(const struct reel *reel)
{
	return reel->later.seq != 0 ? reel->later : tape_place(&reel->tape);
}

int reel_forward(struct reel *reel, const struct filter *f, bool follow)
{
	int r = tape_load(&reel->tape);

	reel->passed = false;
	if (r < 0)
		return r;
	if (r == 0 || is_waited_for(reel, follow))
		return reel_rest(reel);
	if (is_too_late(reel, f))
		reel_leave_for_later(reel);
	if (is_too_late(reel, f) && !reel_has_events(reel)) {
		r = tape_skip_segment(&reel->tape);
		return r > 0 ? REEL_AGAIN : r;
	}
	if (show(reel, f)) {
		reel->later = (struct cursor_place){0};
		return REEL_READY;
	}
	tape_advance(&reel->tape);
	return REEL_AGAIN;
}

/* --- which comes first ------------------------------------------------------------------------ */

/* With equal times the event comes first: that a service was started is why it prints. */
int reel_order(const struct reel *a, const struct reel *b)
{
	if (a->line.at_usec != b->line.at_usec)
		return a->line.at_usec < b->line.at_usec ? -1 : 1;
	if (reel_has_events(a) != reel_has_events(b))
		return reel_has_events(a) ? -1 : 1;
	return stream_id_compare(&a->tape.id, &b->tape.id);
}

bool reel_precedes(const struct reel *a, const struct reel *b)
{
	const struct event *e = a->line.event ?: b->line.event;
	const struct line *line = a->line.event ? &b->line : &a->line;

	if (!e || line->event || e->life == 0 || line->life == 0 ||
	    strcmp(e->about.service, line->id->service) != 0 ||
	    e->about.instance != line->id->instance)
		return false;
	return event_comes_before(e, line->life) == (a->line.event != NULL);
}
