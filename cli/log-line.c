/* SPDX-License-Identifier: MIT */
/*
 * One line of output as a person reads it:
 *
 *   2026-11-21T03:39:00.123456Z shop.1 out the line
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

/* Names of levels, as loggers write them, and the paint of each. */
static enum paint level_paint(const char *level)
{
	static const struct {
		const char *level;
		enum paint paint;
	} rows[] = {
		{"fatal", PAINT_BAD}, {"panic", PAINT_BAD}, {"critical", PAINT_BAD},
		{"error", PAINT_BAD}, {"err", PAINT_BAD},   {"warning", PAINT_BUSY},
		{"warn", PAINT_BUSY}, {"debug", PAINT_DIM}, {"trace", PAINT_DIM},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strcasecmp(rows[i].level, level) == 0)
			return rows[i].paint;
	}
	return PAINT_NONE;
}

static const char *first_string(const json_t *object, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *value = json_get_string(object, keys[i]);

		if (value)
			return value;
	}
	return NULL;
}

static void add_painted(struct text *out, const struct style *style, enum paint paint,
			const char *s)
{
	text_add(out, style_on(style, paint));
	text_add_escaped(out, s, strlen(s), false);
	text_add(out, paint == PAINT_NONE ? "" : style_off(style));
}

/* What a JSON line says beside level and message. */
static void add_members(struct text *out, const json_t *object, const char *level,
			const char *message, const struct style *style)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value) {
		cleanup_free char *dumped = NULL;
		const char *s = json_string_value(value);

		if (s && (s == level || s == message))
			continue;
		if (!s) {
			dumped = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
			s = dumped;
		}
		text_add(out, " ");
		add_painted(out, style, PAINT_DIM, key);
		text_add(out, style_on(style, PAINT_DIM));
		text_add(out, "=");
		text_add(out, style_off(style));
		add_painted(out, style, PAINT_DIM, s ? s : "?");
	}
}

/* Whether the line was a JSON object with a message, and was shown as such. */
static bool add_json(struct text *out, const char *s, const struct style *style)
{
	static const char *const level_keys[] = {"level", "severity", "lvl"};
	static const char *const message_keys[] = {"msg", "message"};
	cleanup_json json_t *object = s[0] == '{' ? json_loads(s, 0, NULL) : NULL;
	const char *level = first_string(object, level_keys, ARRAY_LEN(level_keys));
	const char *message = first_string(object, message_keys, ARRAY_LEN(message_keys));

	if (!message)
		return false;
	if (level) {
		add_painted(out, style, level_paint(level), level);
		text_add(out, " ");
	}
	add_painted(out, style, PAINT_NONE, message);
	add_members(out, object, level, message, style);
	return true;
}

/* Whether the line begins with a syslog level, "<4>…", and was shown as such. */
static bool add_syslog(struct text *out, const char *s, const struct style *style)
{
	static const enum paint paints[] = {
		PAINT_BAD,  PAINT_BAD,  PAINT_BAD,  PAINT_BAD,
		PAINT_BUSY, PAINT_NONE, PAINT_NONE, PAINT_DIM,
	};

	if (s[0] != '<' || s[1] < '0' || s[1] > '7' || s[2] != '>')
		return false;
	add_painted(out, style, paints[s[1] - '0'], s + 3);
	return true;
}

static void add_marks(struct text *out, const json_t *line, const struct style *style)
{
	uint64_t dropped = json_get_uint(line, "dropped", 0);

	if (json_get_bool(line, "cut", false))
		text_addf(out, "%s …%s", style_on(style, PAINT_DIM), style_off(style));
	if (dropped > 0)
		text_addf(out, "%s (%" PRIu64 " bytes dropped here: the disk was full)%s",
			  style_on(style, PAINT_BAD), dropped, style_off(style));
}

void log_line_add(struct text *out, const json_t *line, const struct style *style)
{
	const char *text = json_get_string(line, "text");
	const char *stream = json_get_string(line, "stream");
	bool plain = !style->terminal || !text || json_object_get(line, "raw");

	add_time(out, line, style);
	add_source(out, line, style);
	text_addf(out, "%s%s%s ",
		  text_equal(stream, "err") ? style_on(style, PAINT_BUSY)
					    : style_on(style, PAINT_DIM),
		  stream ? stream : "?", style_off(style));
	if (plain || (!add_json(out, text, style) && !add_syslog(out, text, style))) {
		log_text_add(out, line, style->terminal);
		/* A colour that the service left on ends with its line. */
		text_add(out, text && strchr(text, '\x1b') ? style_off(style) : "");
	}
	add_marks(out, line, style);
	text_add(out, "\n");
}

static enum paint event_paint(const char *kind)
{
	static const struct {
		const char *kind;
		enum paint paint;
	} rows[] = {
		{"ready", PAINT_GOOD},
		{"exit", PAINT_BAD},
		{"fail", PAINT_BAD},
		{"backoff", PAINT_BUSY},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strcmp(rows[i].kind, kind) == 0)
			return rows[i].paint;
	}
	return PAINT_NONE;
}

void log_event_add(struct text *out, const json_t *event, const struct style *style)
{
	const char *kind = json_get_string(event, "kind");
	const char *text = json_get_string(event, "text");
	const char *who = json_get_string(event, "who");

	add_time(out, event, style);
	add_source(out, event, style);
	text_add(out, "event ");
	add_painted(out, style, event_paint(kind ? kind : ""), text ? text : kind ? kind : "?");
	if (who && who[0])
		text_addf(out, " %s(%s)%s", style_on(style, PAINT_DIM), who, style_off(style));
	text_add(out, "\n");
}
