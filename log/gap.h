/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct line;

/** A follower that is further behind than this, and has just taken nothing, is too slow. */
#define GAP_LATE_USEC (10 * USEC_PER_SEC)
/** What is younger than this is never left out: its stamps may not be written yet. */
#define GAP_FRESH_USEC (1 * USEC_PER_SEC)

/**
 * struct gap - lines that a follower was too slow for
 * @begun_at_usec: wall clock when the follower came: what is older is history
 * @live_at_usec:  since when it has only read what is new; 0: it still reads history
 * @until_at_usec: lines up to then are left out; 0: there is no gap
 * @n_lines @n_bytes: left out so far
 */
struct gap {
	usec_t begun_at_usec;
	usec_t live_at_usec;
	usec_t until_at_usec;
	uint64_t n_lines;
	uint64_t n_bytes;
};

/** gap_caught_up() - the follower has everything that there was */
void gap_caught_up(struct gap *g, usec_t now_at_usec);

/** gap_took() - a line was handed out */
void gap_took(struct gap *g, const struct line *line, usec_t now_at_usec);

/** gap_is_due() - whether a follower that was blocked until now, and gets @line next, is too slow
 */
bool gap_is_due(const struct gap *g, const struct line *line, usec_t now_at_usec);

/** gap_begin() - leave out what there is; lines that have just come are not part of it */
void gap_begin(struct gap *g, usec_t now_at_usec);

/** gap_is_open() - whether lines are being left out */
bool gap_is_open(const struct gap *g);

/** gap_take() - whether @line belongs to the gap, and then it is counted */
bool gap_take(struct gap *g, const struct line *line);

/** gap_end() - go on, with nothing left out */
void gap_end(struct gap *g, usec_t now_at_usec);
