/* SPDX-License-Identifier: MIT */
/*
 * One line of output as a person reads it:
 *
 *   2026-11-21T03:39:00.123456Z shop.1 out the line
 *   2026-11-21T03:39:00.123499Z shop.1 event exit 1 after 2s
 *
 * Whatever a service printed, it can neither move the cursor of who looks at it nor fake a second
 * line: control characters are escaped, on a terminal all but colours. Programs that log JSON, and
 * our own daemons with their <level>, are made readable on a terminal only; what is piped keeps the
 * text that the service wrote.
 */
#include "cli/log-line.h"

#include <inttypes.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/meaning.h"
#include "lib/text.h"

static void add_time(struct text *out, const json_t *object, const struct style *style)
{
	usec_t at_usec = json_get_uint(object, "at_usec", 0);
	char buf[CLOCK_TEXT_MAX];

	text_addf(out, "%s%s%s ", style_on(style, PAINT_DIM),
		  style->terminal ? clock_format_local(at_usec, buf)
				  : clock_format_utc(at_usec, buf),
		  style_off(style));
}

static void add_source(struct text *out, const json_t *object, const struct style *style)
{
	const char *service = json_get_string(object, "service");

	text_add(out, style_name(style, service ? service : "?"));
	text_add(out, service ? service : "slicekeep");
	if (json_object_get(object, "instance"))
		text_addf(out, ".%" PRIu64, json_get_uint(object, "instance", 0));
	text_addf(out, "%s ", style_off(style));
}

static int base64_value(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* The bytes of a line that was no UTF-8. Stops at the first character that is no base64. */
static void add_base64(struct text *out, const char *s)
{
	uint32_t bits = 0;
	unsigned n_bits = 0;
	int value;

	for (; (value = base64_value(*s)) >= 0; s++) {
		bits = bits << 6 | (uint32_t)value;
		n_bits += 6;
		if (n_bits >= 8) {
			char byte = (char)(bits >> (n_bits - 8));

			text_add_bytes(out, &byte, 1);
			n_bits -= 8;
			bits &= (1u << n_bits) - 1;
		}
	}
}

void log_text_add(struct text *out, const json_t *line, bool keep_ansi)
{
	const json_t *text = json_object_get(line, "text");
	const char *raw = json_get_string(line, "raw");
	cleanup_text struct text bytes = {0};

	if (raw) {
		add_base64(&bytes, raw);
		text_add_escaped(out, bytes.data ? bytes.data : "", bytes.len, keep_ansi);
	} else if (text) {
		text_add_escaped(out, json_string_value(text), json_string_length(text), keep_ansi);
	}
}

static enum paint severity_paint(enum severity severity)
{
	if (severity <= SEVERITY_ERROR)
		return PAINT_BAD;
	if (severity == SEVERITY_WARNING)
		return PAINT_BUSY;
	return severity == SEVERITY_DEBUG ? PAINT_DIM : PAINT_NONE;
}

static void add_painted_bytes(struct text *out, const struct style *style, enum paint paint,
			      const char *bytes, size_t n_bytes)
{
	text_add(out, style_on(style, paint));
	text_add_escaped(out, bytes, n_bytes, false);
	text_add(out, paint == PAINT_NONE ? "" : style_off(style));
}

static void add_painted(struct text *out, const struct style *style, enum paint paint,
			const char *s)
{
	add_painted_bytes(out, style, paint, s, strlen(s));
}

/* A member as logfmt has it, or its value alone. */
static void add_member(struct text *out, const char *key, const json_t *value,
		       const struct style *style, enum paint paint)
{
	cleanup_free char *dumped =
		json_is_string(value) ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	const char *s = json_string_value(value);

	if (key) {
		text_add(out, " ");
		add_painted(out, style, PAINT_DIM, key);
		text_add(out, style_on(style, PAINT_DIM));
		text_add(out, "=");
		text_add(out, style_off(style));
	}
	add_painted(out, style, paint, s ? s : dumped ? dumped : "?");
}

/* A JSON line: its level, its message, and what else it says. */
static void add_object(struct text *out, const struct meaning *m, const struct style *style)
{
	enum paint paint = severity_paint(m->severity);
	const char *key;
	json_t *value;

	if (m->level_key) {
		const json_t *level = json_object_get(m->object, m->level_key);

		/* A number means nothing to a person. */
		if (json_is_integer(level) && m->severity != SEVERITY_UNKNOWN)
			add_painted(out, style, paint, severity_name(m->severity));
		else
			add_member(out, NULL, level, style, paint);
		text_add(out, " ");
	}
	text_add_escaped(out, m->message, m->n_message, false);
	json_object_foreach(m->object, key, value) {
		if (!text_equal(key, m->level_key) && !text_equal(key, m->message_key))
			add_member(out, key, value, style, PAINT_DIM);
	}
}

/* Whether the line says more of itself than its text, and was shown so. */
static bool add_meaning(struct text *out, const json_t *text, const struct style *style)
{
	cleanup(meaning_done) struct meaning m;

	meaning_of(json_string_value(text), json_string_length(text), &m);
	if (!m.message)
		return false;
	if (m.object)
		add_object(out, &m, style);
	else
		add_painted_bytes(out, style, severity_paint(m.severity), m.message, m.n_message);
	return true;
}

static void add_marks(struct text *out, const json_t *line, const struct style *style)
{
	uint64_t dropped = json_get_uint(line, "dropped", 0);

	if (json_get_bool(line, "cut", false))
		text_addf(out, "%s …%s", style_on(style, PAINT_DIM), style_off(style));
	if (dropped > 0)
		text_addf(out, "%s (%" PRIu64 " bytes %s)%s", style_on(style, PAINT_BAD), dropped,
			  json_get_bool(line, "damaged", false)
				  ? "cannot be read: the file is damaged"
				  : "dropped here: the disk was full",
			  style_off(style));
}

static enum paint event_paint(const json_t *event, const char *kind)
{
	const char *level = json_get_string(event, "level");

	if (text_equal(kind, "ready"))
		return PAINT_GOOD;
	return level ? severity_paint(severity_parse(level, strlen(level))) : PAINT_NONE;
}

/* What happened, after its time and whom it is about. */
static void add_event(struct text *out, const json_t *event, const char *kind,
		      const struct style *style)
{
	const char *text = json_get_string(event, "text");
	const char *who = json_get_string(event, "who");

	text_addf(out, "%sevent%s ", style_on(style, PAINT_DIM), style_off(style));
	add_painted(out, style, event_paint(event, kind), text ? text : kind);
	if (who && who[0])
		text_addf(out, " %s(%s)%s", style_on(style, PAINT_DIM), who, style_off(style));
	text_add(out, "\n");
}

void log_event_add(struct text *out, const json_t *event, const struct style *style)
{
	const char *kind = json_get_string(event, "kind");

	add_time(out, event, style);
	add_source(out, event, style);
	add_event(out, event, kind ? kind : "?", style);
}

void log_line_add(struct text *out, const json_t *line, const struct style *style)
{
	const json_t *text = json_object_get(line, "text");
	const char *stream = json_get_string(line, "stream");
	const char *event = json_get_string(line, "event");
	bool plain = !style->terminal || !json_is_string(text) || json_object_get(line, "raw");

	add_time(out, line, style);
	add_source(out, line, style);
	if (event) {
		add_event(out, line, event, style);
		return;
	}
	text_addf(out, "%s%s%s ",
		  text_equal(stream, "err") ? style_on(style, PAINT_BUSY)
					    : style_on(style, PAINT_DIM),
		  stream ? stream : "?", style_off(style));
	if (plain || !add_meaning(out, text, style)) {
		log_text_add(out, line, style->terminal);
		/* A colour that the service left on ends with its line. */
		if (json_is_string(text) && strchr(json_string_value(text), '\x1b'))
			text_add(out, style_off(style));
	}
	add_marks(out, line, style);
	text_add(out, "\n");
}
