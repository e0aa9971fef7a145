/* SPDX-License-Identifier: MIT */

/*
 * Probes: how readiness and health are found out.
 *
 * A probe is an object with exactly one of the kinds. tcp and http name their port, a fixed one or
 * ${PORT}, and an address of this machine: they run in a program without any authority, which
 * resolves no names.
 */

#include <stdio.h>
#include <string.h>

#include "lib/text.h"
#include "config/address.h"
#include "config/model.h"
#include "config/parse.h"
#include "config/scalar.h"
#include "config/template.h"

#define EXEC_WORDS_MAX 256
#define TARGET_BYTES_MAX 64 /* "[", an IPv6 address, "]:${PORT}" */

struct draft {
	struct config_probe *probe;
	const char *kind; /* key that was read */
	bool has_every;
};

static int set_kind(struct parse *p, struct draft *d, const struct field *f,
		    enum config_probe_kind kind)
{
	if (d->kind)
		return parse_fail(p, "one kind of probe is enough: '%s' is there already", d->kind);
	d->kind = f->key;
	d->probe->kind = kind;
	return 0;
}

static int read_notify(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	if (!json_is_true(value))
		return parse_fail(p, "must be true, or left out");
	return set_kind(p, member, f, CONFIG_PROBE_NOTIFY);
}

/* A port alone, or HOST:PORT; NULL with errno EINVAL when it is neither. */
static char *tcp_target(const json_t *value)
{
	cleanup_free char *s = scalar_text(value);
	char *target;

	if (!s || address_is_target(s))
		return steal_ptr(s);
	if (!address_is_port(s)) {
		errno = EINVAL;
		return NULL;
	}
	return asprintf(&target, "127.0.0.1:%s", s) < 0 ? NULL : target;
}

static int read_tcp(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	struct draft *d = member;
	char *target;
	int r;

	if (!json_is_string(value) && !json_is_integer(value))
		return parse_fail_kind(p, "a port or \"HOST:PORT\"", value);
	r = set_kind(p, d, f, CONFIG_PROBE_TCP);
	if (r < 0)
		return r;
	errno = ENOMEM;
	target = tcp_target(value);
	if (!target && errno == EINVAL)
		return parse_fail(p,
				  "must name a port of this machine: 8080, \"127.0.0.1:8080\" or "
				  "\"" TEMPLATE_PORT "\"");
	d->probe->target = target;
	return target ? 0 : parse_fail_memory(p);
}

/* "http://HOST:PORT", and a path without blanks or none. */
static bool is_http_target(const char *url)
{
	const char *host = url + strlen("http://");
	size_t len = strcspn(host, "/");
	char address[TARGET_BYTES_MAX];

	for (const char *c = url; *c; c++) {
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return false;
	}
	if (len >= sizeof(address))
		return false;
	memcpy(address, host, len);
	address[len] = 0;
	return address_is_target(address);
}

static int read_http(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	const char *url = json_string_value(value);
	struct draft *d = member;
	int r;

	r = parse_text(p, value, f, &d->probe->target);
	if (r == 0)
		r = set_kind(p, d, f, CONFIG_PROBE_HTTP);
	if (r < 0)
		return r;
	if (text_starts(url, "https://"))
		return parse_fail(p, "probes speak http only: use \"tcp\" or \"exec\"");
	if (!text_starts(url, "http://") || !is_http_target(url))
		return parse_fail(
			p,
			"'%s' must name a port of this machine: "
			"\"http://127.0.0.1:8080/health\" or \"http://127.0.0.1:" TEMPLATE_PORT
			"/\"",
			url);
	return 0;
}

static int read_exec(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	struct draft *d = member;
	int r;

	r = set_kind(p, d, f, CONFIG_PROBE_EXEC);
	if (r < 0)
		return r;
	if (json_is_string(value)) {
		r = text_split_words(json_string_value(value), &d->probe->argv);
		if (r == -ENOMEM)
			return parse_fail_memory(p);
		if (r < 0)
			return parse_fail(p, "a quote that is not closed");
	} else if (json_is_array(value)) {
		r = parse_vector(p, value, false, &d->probe->argv);
		if (r < 0)
			return r;
	} else {
		return parse_fail_kind(p, "a program with its arguments", value);
	}
	if (strings_len(d->probe->argv) == 0 || !d->probe->argv[0][0])
		return parse_fail(p, "must name a program");
	if (strings_len(d->probe->argv) > EXEC_WORDS_MAX)
		return parse_fail(p, "more than %d words", EXEC_WORDS_MAX);
	return 0;
}

static int read_log(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	struct draft *d = member;
	int r;

	r = parse_text(p, value, f, &d->probe->target);
	if (r == 0)
		r = set_kind(p, d, f, CONFIG_PROBE_LOG);
	return r < 0 ? r : parse_regex(p, d->probe->target);
}

static int read_up_for(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	struct draft *d = member;
	int r;

	r = set_kind(p, d, f, CONFIG_PROBE_UP_FOR);
	return r < 0 ? r : parse_duration(p, value, f, &d->probe->up_for_usec);
}

static int read_timeout(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	struct draft *d = member;

	return parse_duration(p, value, f, &d->probe->timeout_usec);
}

static int read_every(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	struct draft *d = member;

	return parse_duration(p, value, f, &d->probe->every_usec);
}

static int read_failures(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	struct draft *d = member;

	return parse_unsigned(p, value, f, &d->probe->failures);
}

static const struct field ready_fields[] = {
	{"notify", read_notify},
	{"tcp", read_tcp},
	{"http", read_http},
	{"exec", read_exec},
	{"log", read_log},
	{"up_for", read_up_for, .min = USEC_PER_MSEC, .max = USEC_PER_HOUR},
	{"timeout", read_timeout, .min = USEC_PER_MSEC, .max = USEC_INFINITY},
};

static const struct field health_fields[] = {
	{"notify", read_notify},
	{"tcp", read_tcp},
	{"http", read_http},
	{"exec", read_exec},
	{"every", read_every, .min = 100 * USEC_PER_MSEC, .max = USEC_PER_DAY},
	{"timeout", read_timeout, .min = USEC_PER_MSEC, .max = USEC_PER_HOUR},
	{"failures", read_failures, .min = 1, .max = 1000},
};

int parse_ready(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	struct draft d = {.probe = member};

	return parse_object(p, value, ready_fields, ARRAY_LEN(ready_fields), &d);
}

int parse_health(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	struct draft d = {.probe = member};
	int r;

	r = parse_object(p, value, health_fields, ARRAY_LEN(health_fields), &d);
	if (r == 0 && !d.kind)
		return parse_fail(p, "one of notify, tcp, http, exec is missing");
	if (r == 0 && d.probe->kind == CONFIG_PROBE_NOTIFY)
		return parse_note_later(p, "health.notify", json_true());
	return r;
}
