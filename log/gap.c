/* SPDX-License-Identifier: MIT */

/*
 * A gap: what a follower who cannot keep up is not shown, but told of.
 *
 * Nobody waits for a reader, and nothing is held for it: what it has not taken stands in the files.
 * But a follower wants to see the present. So when one that took nothing takes something again, and
 * the next line is older than GAP_LATE_USEC, the lines up to now are counted instead of sent. It is
 * told how many there were and between which places they stand, and a Query for these gives exactly
 * them: the gap is read with the same query, by the same times, as it would be shown.
 *
 * Who still reads history is not too slow for it, however long that takes, and has GAP_LATE_USEC
 * from there on to come to the present.
 */

#include "log/gap.h"

#include "log/filter.h"

void gap_caught_up(struct gap *g, usec_t now_at_usec)
{
	if (g->live_at_usec == 0)
		g->live_at_usec = now_at_usec;
}

void gap_took(struct gap *g, const struct line *line, usec_t now_at_usec)
{
	if (line->at_usec >= g->begun_at_usec)
		gap_caught_up(g, now_at_usec);
}

bool gap_is_due(const struct gap *g, const struct line *line, usec_t now_at_usec)
{
	usec_t since_usec = MAX_OF(g->live_at_usec, line->at_usec);

	return g->live_at_usec > 0 && usec_sub(now_at_usec, since_usec) > GAP_LATE_USEC;
}

void gap_begin(struct gap *g, usec_t now_at_usec)
{
	g->until_at_usec = usec_sub(now_at_usec, GAP_FRESH_USEC);
	g->n_lines = 0;
	g->n_bytes = 0;
}

bool gap_is_open(const struct gap *g)
{
	return g->until_at_usec > 0;
}

bool gap_take(struct gap *g, const struct line *line)
{
	if (line->at_usec > g->until_at_usec)
		return false;
	g->n_lines++;
	g->n_bytes += line->n_bytes;
	return true;
}

void gap_end(struct gap *g, usec_t now_at_usec)
{
	g->until_at_usec = 0;
	g->live_at_usec = now_at_usec;
}
