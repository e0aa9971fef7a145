/* SPDX-License-Identifier: MIT */

/*
 * When a segment ends.
 *
 * At its size limit, at a clock that was set back, or when somebody asks; and then at the next line
 * end, so that each file can be read alone. The bytes up to the limit come in any portions; from
 * there on the writer looks for the line end before it takes a byte. A line that does not end
 * within ROTATE_OVER_MAX is cut, because a limit that one service can escape is none.
 */

#include "log/rotate.h"

void rotate_ask(struct rotate *r, uint64_t segment_bytes)
{
	if (r->due_bytes == 0)
		r->due_bytes = segment_bytes;
}

bool rotate_is_due(struct rotate *r, uint64_t segment_bytes)
{
	if (segment_bytes >= r->limit_bytes)
		rotate_ask(r, segment_bytes);
	return r->due_bytes > 0;
}

enum rotate_action rotate_decide(struct rotate *r, uint64_t segment_bytes, bool at_line_end)
{
	if (!rotate_is_due(r, segment_bytes))
		return ROTATE_KEEP;
	if (at_line_end)
		return ROTATE_NOW;
	return segment_bytes - r->due_bytes >= ROTATE_OVER_MAX ? ROTATE_MID_LINE : ROTATE_SEEK;
}

uint64_t rotate_room(const struct rotate *r, uint64_t segment_bytes)
{
	return segment_bytes < r->limit_bytes ? r->limit_bytes - segment_bytes : 0;
}

uint64_t rotate_limit(uint64_t segment_bytes, uint64_t total_bytes, unsigned n_streams)
{
	uint64_t share = total_bytes / 2 / MAX_OF(n_streams, 1U);

	return MAX_OF(MIN_OF(segment_bytes, share), ROTATE_LIMIT_MIN);
}
