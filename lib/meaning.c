/* SPDX-License-Identifier: MIT */

/*
 * What programs say in their lines: three dialects that are told apart by how they begin.
 *
 *   {"level": "warn", "msg": "slow"}   JSON lines of pino, bunyan, zap, zerolog, slog, logstash …
 *   <4>slow                            sd-daemon(3), and so our own daemons
 *   level=warn msg=slow                logfmt
 *
 * A level in free text ("ERROR: …") is not looked for: a word is not a level, and a search that
 * finds too much is as bad as one that finds too little.
 */

#include "lib/meaning.h"

#include <string.h>

static const struct {
	const char *name;
	enum severity severity;
} names[] = {
	{"emergency", SEVERITY_EMERGENCY}, {"emerg", SEVERITY_EMERGENCY},
	{"panic", SEVERITY_EMERGENCY},     {"alert", SEVERITY_ALERT},
	{"critical", SEVERITY_CRITICAL},   {"crit", SEVERITY_CRITICAL},
	{"fatal", SEVERITY_CRITICAL},      {"error", SEVERITY_ERROR},
	{"err", SEVERITY_ERROR},           {"severe", SEVERITY_ERROR},
	{"warning", SEVERITY_WARNING},     {"warn", SEVERITY_WARNING},
	{"notice", SEVERITY_NOTICE},       {"info", SEVERITY_INFO},
	{"information", SEVERITY_INFO},    {"debug", SEVERITY_DEBUG},
	{"trace", SEVERITY_DEBUG},         {"verbose", SEVERITY_DEBUG},
};

/* In the order in which they are looked for: the first that is there counts. */
static const char *const level_keys[] = {"level", "severity", "lvl", "loglevel", NULL};
static const char *const message_keys[] = {"msg", "message", NULL};
static const char *const time_keys[] = {"time", "ts", "timestamp", "@timestamp", NULL};

enum severity severity_parse(const char *s, size_t n_bytes)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strlen(names[i].name) == n_bytes && strncasecmp(names[i].name, s, n_bytes) == 0)
			return names[i].severity;
	}
	return SEVERITY_UNKNOWN;
}

const char *severity_name(enum severity severity)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (names[i].severity == severity)
			return names[i].name;
	}
	return NULL;
}

/* As sd-daemon(3) has it: one digit, no facility. */
static bool has_mark(const char *line, size_t n_bytes)
{
	return n_bytes >= 3 && line[0] == '<' && line[1] >= '0' && line[1] <= '7' && line[2] == '>';
}

/* --- logfmt -------------------------------------------------------------------------------- */

/* What stands behind "key=", without quotes, when that is a word of its own. */
static const char *logfmt_value(const char *line, size_t n_bytes, const char *key, size_t *ret_n)
{
	size_t n_key = strlen(key);
	const char *end = line + n_bytes;
	const char *at = line;

	while ((at = memmem(at, (size_t)(end - at), key, n_key))) {
		const char *value = at + n_key + 1;
		bool is_word = (at == line || at[-1] == ' ') && value <= end && value[-1] == '=';
		const char *stop;

		at += n_key;
		if (!is_word)
			continue;
		value += value < end && *value == '"';
		for (stop = value; stop < end && *stop != ' ' && *stop != '"'; stop++)
			;
		*ret_n = (size_t)(stop - value);
		return value;
	}
	return NULL;
}

static enum severity logfmt_severity(const char *line, size_t n_bytes)
{
	enum severity severity = SEVERITY_UNKNOWN;

	for (const char *const *key = level_keys; *key && severity == SEVERITY_UNKNOWN; key++) {
		size_t n;
		const char *value = logfmt_value(line, n_bytes, *key, &n);

		if (value)
			severity = severity_parse(value, n);
	}
	return severity;
}

/* --- JSON ---------------------------------------------------------------------------------- */

/* pino and bunyan count from 10 (trace) to 60 (fatal); the rest, as syslog does, from 7 to 0. */
static enum severity number_severity(json_int_t level)
{
	static const enum severity tens[] = {SEVERITY_DEBUG,   SEVERITY_DEBUG,   SEVERITY_DEBUG,
					     SEVERITY_INFO,    SEVERITY_WARNING, SEVERITY_ERROR,
					     SEVERITY_CRITICAL};

	if (level >= 0 && level <= SEVERITY_DEBUG)
		return (enum severity)level;
	return level >= 10 && level < 70 ? tens[level / 10] : SEVERITY_UNKNOWN;
}

static enum severity json_severity(const json_t *value)
{
	if (json_is_integer(value))
		return number_severity(json_integer_value(value));
	return json_is_string(value)
		       ? severity_parse(json_string_value(value), json_string_length(value))
		       : SEVERITY_UNKNOWN;
}

/* The first of these that @object has. */
static const char *find_key(const json_t *object, const char *const *keys)
{
	for (; *keys; keys++) {
		if (json_object_get(object, *keys))
			return *keys;
	}
	return NULL;
}

static void read_object(struct meaning *m)
{
	const json_t *message, *time;

	m->level_key = find_key(m->object, level_keys);
	m->message_key = find_key(m->object, message_keys);
	m->time_key = find_key(m->object, time_keys);
	time = m->time_key ? json_object_get(m->object, m->time_key) : NULL;
	if (!json_is_string(time) && !json_is_number(time))
		m->time_key = NULL;
	m->severity = json_severity(m->level_key ? json_object_get(m->object, m->level_key) : NULL);
	message = m->message_key ? json_object_get(m->object, m->message_key) : NULL;
	m->message = json_string_value(message);
	m->n_message = json_string_length(message);
}

/* Whether that is a line of JSON which means something. */
static bool read_json(struct meaning *m, const char *line, size_t n_bytes)
{
	if (n_bytes < 2 || line[0] != '{')
		return false;
	m->object = json_loadb(line, n_bytes, JSON_ALLOW_NUL, NULL);
	if (m->object)
		read_object(m);
	if (m->message || m->severity != SEVERITY_UNKNOWN)
		return true;
	meaning_done(m);
	return false;
}

/* --- */

void meaning_done(struct meaning *m)
{
	json_decref(m->object);
	*m = (struct meaning){.severity = SEVERITY_UNKNOWN};
}

void meaning_of(const char *line, size_t n_bytes, struct meaning *ret_meaning)
{
	struct meaning m = {.severity = SEVERITY_UNKNOWN};

	if (has_mark(line, n_bytes)) {
		m.severity = (enum severity)(line[1] - '0');
		m.message = line + 3;
		m.n_message = n_bytes - 3;
	} else if (!read_json(&m, line, n_bytes)) {
		m.severity = logfmt_severity(line, n_bytes);
	}
	*ret_meaning = m;
}

enum severity meaning_severity(const char *line, size_t n_bytes)
{
	struct meaning m;
	enum severity severity;

	meaning_of(line, n_bytes, &m);
	severity = m.severity;
	meaning_done(&m);
	return severity;
}
