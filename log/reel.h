/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

#include "log/event.h"
#include "log/filter.h"
#include "log/tape.h"

/** Outcomes of looking for the next line, beside negative errno. */
enum {
	REEL_END = 0,   /* there is none, for now */
	REEL_AGAIN = 1, /* that was none; look again */
	REEL_READY = 2, /* here it is */
};

/**
 * struct reel - a tape in a query; in the heap, or pending, or at its end
 * @line:    what it shows, when it is ready
 * @event:   what the line tells, on a tape of events
 * @start:   where reading forwards begins after going back
 * @later:   the first line that was left out because it came too late; its seq is 0: there is none
 * @pending: has to be looked at
 * @ready:   its line waits in the heap
 * @stale:   there is more than the tape has seen, which cannot look while its line waits
 * @passed:  the line is not wanted, it only says how far back the reel has come
 */
struct reel {
	struct tape tape;
	struct line line;
	struct event event;
	struct cursor_place start;
	struct cursor_place later;
	bool pending;
	bool ready;
	bool stale;
	bool passed;
};

/** reel_free() - NULL is allowed */
void reel_free(struct reel *reel);

/** reel_has_events() - whether its lines are events */
bool reel_has_events(const struct reel *reel);

/** reel_bytes() - how long the line is that was looked at last */
size_t reel_bytes(const struct reel *reel);

/** reel_has_mark() - whether its line says how much was dropped, which going back does not show */
bool reel_has_mark(const struct reel *reel);

/**
 * reel_back() - one line back
 * @follow: the last line is waited for if it is not complete
 *
 * Return: REEL_…, negative errno.
 */
must_check int reel_back(struct reel *reel, const struct filter *f, bool follow);

/** reel_forward() - one line forward; at its end, and waited for, a tape holds nothing open */
must_check int reel_forward(struct reel *reel, const struct filter *f, bool follow);

/** reel_place() - where a cursor goes on: behind the last line that was shown, or left out, but not
 * behind one that a query with another end in time would show */
struct cursor_place reel_place(const struct reel *reel);

/** reel_order() - by the times of their lines; <0, 0, >0 as strcmp(3) */
int reel_order(const struct reel *a, const struct reel *b);

/** reel_precedes() - whether @a's line comes before @b's for a better reason than its time: one of
 * them is an event in the life that the other was printed in, or not in that one any more */
bool reel_precedes(const struct reel *a, const struct reel *b);
