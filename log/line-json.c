/* SPDX-License-Identifier: MIT */

/*
 * A line on the wire. JSON has no bytes, so a line that is not UTF-8, or holds a NUL, goes twice:
 * as text for people, with U+FFFD where it is broken, and as base64 of what was really printed.
 */

#include "log/line-json.h"

#include <string.h>

#include "lib/base.h"
#include "lib/json.h"
#include "lib/meaning.h"

#include "log/event.h"
#include "log/filter.h"

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static json_t *base64_json(const char *bytes, size_t n_bytes)
{
	size_t n = (n_bytes + 2) / 3 * 4;
	cleanup_free char *text = malloc(n + 1);
	const unsigned char *in = (const unsigned char *)bytes;
	char *out = text;

	if (!text)
		return NULL;
	for (size_t i = 0; i < n_bytes; i += 3) {
		size_t left = n_bytes - i;
		unsigned group = (unsigned)in[i] << 16;

		if (left > 1)
			group |= (unsigned)in[i + 1] << 8;
		if (left > 2)
			group |= in[i + 2];
		*out++ = base64_digits[group >> 18];
		*out++ = base64_digits[group >> 12 & 63];
		*out++ = left > 1 ? base64_digits[group >> 6 & 63] : '=';
		*out++ = left > 2 ? base64_digits[group & 63] : '=';
	}
	return json_stringn_nocheck(text, n);
}

static int line_json_text(json_t *object, const struct line *line)
{
	const char *bytes = line->n_bytes ? line->text : "";
	json_t *text = json_text(bytes, line->n_bytes);
	/* A broken byte becomes three, so the length tells. */
	bool broken = json_string_length(text) != line->n_bytes;

	if (json_object_set_new_nocheck(object, "text", text) < 0)
		return -1;
	return broken ? json_object_set_new_nocheck(object, "raw",
						    base64_json(bytes, line->n_bytes))
		      : 0;
}

/* A time as the program wrote it: in what zone, and since when a number counts, it alone knows. */
static json_t *time_json(const json_t *time)
{
	cleanup_free char *text = NULL;

	if (json_is_string(time))
		return json_text(json_string_value(time), json_string_length(time));
	text = json_dumps(time, JSON_ENCODE_ANY | JSON_COMPACT);
	return text ? json_string(text) : NULL;
}

static int line_json_meaning(json_t *object, const struct line *line)
{
	cleanup(meaning_done) struct meaning m;
	int bad = 0;

	meaning_of(line->n_bytes ? line->text : "", line->n_bytes, &m);
	if (m.severity != SEVERITY_UNKNOWN)
		bad |= json_object_set_new_nocheck(object, "level",
						   json_string(severity_name(m.severity)));
	if (m.message)
		bad |= json_object_set_new_nocheck(object, "message",
						   json_text(m.message, m.n_message));
	if (m.time_key)
		bad |= json_object_set_new_nocheck(
			object, "said_at", time_json(json_object_get(m.object, m.time_key)));
	return bad;
}

static int line_json_event(json_t *object, const struct event *e)
{
	int bad = json_object_set_new_nocheck(object, "event", json_string(e->kind));

	bad |= json_object_set_new_nocheck(object, "level", json_string(severity_name(e->level)));
	if (e->seq > 0)
		bad |= json_object_set_new_nocheck(object, "seq", json_integer((json_int_t)e->seq));
	if (e->who)
		bad |= json_object_set_new_nocheck(object, "who", json_string(e->who));
	return bad;
}

json_t *line_json(const struct line *line)
{
	json_t *object =
		json_pack("{s:s, s:I, s:s, s:I, s:I}", "service", line->id->service, "instance",
			  (json_int_t)line->id->instance, "stream", stream_name(line->id->stream),
			  "life", (json_int_t)line->life, "at_usec", (json_int_t)line->at_usec);
	int r = object ? line_json_text(object, line) : -1;

	if (r == 0)
		r = line->event ? line_json_event(object, line->event)
				: line_json_meaning(object, line);
	if (r == 0 && line->cut)
		r = json_object_set_new_nocheck(object, "cut", json_true());
	if (r == 0 && line->open)
		r = json_object_set_new_nocheck(object, "open", json_true());
	if (r == 0 && line->dropped > 0)
		r = json_object_set_new_nocheck(object, "dropped",
						json_integer((json_int_t)line->dropped));
	if (r == 0 && line->damaged)
		r = json_object_set_new_nocheck(object, "damaged", json_true());
	if (r == 0)
		return object;
	json_decref(object);
	return NULL;
}
