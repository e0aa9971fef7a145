/* SPDX-License-Identifier: MIT */
/*
 * What a follower did not get to see: lines that came faster than they were read, and bytes that
 * retention deleted meanwhile. The lines are stored, and what is printed is the command that shows
 * exactly them.
 */
#include "cli/log-skipped.h"

#include <inttypes.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/text.h"
#include "cli/words.h"

static void add_lines(struct text *out, const json_t *reply, const char *again)
{
	usec_t until_at_usec = json_get_uint(reply, "skipped_until_at_usec", 0);
	uint64_t n = json_get_uint(reply, "skipped_lines", 0);
	const char *from = json_get_string(reply, "skipped_from");
	char words[WORDS_MAX], at[CLOCK_TEXT_MAX];

	text_addf(out, "-- %s skipped: %s --cursor ", words_plural(n, "line", "lines", words),
		  again);
	words_add_quoted(out, from ? from : "");
	text_addf(out, " --until %s shows them", clock_format_utc(until_at_usec, at));
}

void log_skipped_add(struct text *out, const json_t *reply, const char *again,
		     const struct style *style)
{
	uint64_t deleted = json_get_uint(reply, "skipped", 0);

	if (deleted > 0)
		text_addf(out, "%s-- %" PRIu64 " bytes were deleted before they could be shown%s\n",
			  style_on(style, PAINT_BAD), deleted, style_off(style));
	if (json_get_uint(reply, "skipped_lines", 0) == 0)
		return;
	text_add(out, style_on(style, PAINT_BUSY));
	add_lines(out, reply, again);
	text_addf(out, "%s\n", style_off(style));
}

void log_skipped_add_json(struct text *out, const json_t *reply)
{
	static const char *const keys[] = {"skipped", "skipped_lines", "skipped_bytes",
					   "skipped_from", "skipped_until_at_usec"};
	cleanup_json json_t *object = json_object();
	cleanup_free char *dumped = NULL;
	int bad = 0;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (json_object_get(reply, keys[i]))
			bad |= json_object_set(object, keys[i], json_object_get(reply, keys[i]));
	if (json_object_size(object) == 0)
		return;
	dumped = bad ? NULL : json_dumps(object, JSON_COMPACT);
	if (!dumped)
		out->failed = true;
	text_add(out, dumped);
	text_add(out, "\n");
}
