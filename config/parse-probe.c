/* SPDX-License-Identifier: MIT */

/*
 * Probes: how readiness and health are found out.
 *
 * A probe is an object with exactly one of the kinds. tcp and http name their port, a fixed one or
 * ${PORT}, and an address of this machine: they run in a program without any authority, which
 * resolves no names. A regular expression comes from whoever may edit the config and is matched
 * against each line of a service, so its cost is bounded here: no back-references, and repetitions
 * that multiply to a thousand at most (the C library unrolls them).
 */

#include <arpa/inet.h>
#include <regex.h>
#include <string.h>

#include "config/interpolate.h"
#include "config/model.h"
#include "config/parse.h"
#include "config/scalar.h"
#include "lib/text.h"

#define REGEX_BYTES_MAX 256
#define REGEX_REPEAT_MAX 1000
#define PORT_MAX 65535
#define EXEC_WORDS_MAX 256
#define ADDRESS_BYTES_MAX 107 /* what sockaddr_un holds */

static bool is_port(const char *s)
{
	uint64_t port;

	return !strcmp(s, INTERPOLATE_PORT) || (parse_number(s, PORT_MAX, &port) && port > 0);
}

static bool is_ip(int family, const char *s, size_t len)
{
	unsigned char address[sizeof(struct in6_addr)];
	char buf[INET6_ADDRSTRLEN];

	if (len >= sizeof(buf))
		return false;
	memcpy(buf, s, len);
	buf[len] = 0;
	return inet_pton(family, buf, address) == 1;
}

/* "127.0.0.1", "[::1]" and, where that is meant to be @local, "localhost". */
static bool is_host(const char *s, size_t len, bool local)
{
	if (len > 2 && s[0] == '[' && s[len - 1] == ']')
		return is_ip(AF_INET6, s + 1, len - 2);
	if (local && len == strlen("localhost") && !memcmp(s, "localhost", len))
		return true;
	return is_ip(AF_INET, s, len);
}

/* The colon that divides host and port: the first one outside of brackets. */
static const char *port_colon(const char *s)
{
	const char *bracket = s[0] == '[' ? strchr(s, ']') : NULL;

	return strchr(bracket ? bracket : s, ':');
}

int parse_address(const struct parse *p, const char *address)
{
	const char *colon = port_colon(address);
	uint64_t port;

	if (address[0] == '/') {
		if (strlen(address) > ADDRESS_BYTES_MAX)
			return parse_fail(p, "'%s' is too long for a Unix socket: %d bytes at most",
					  address, ADDRESS_BYTES_MAX);
		return 0;
	}
	if (!colon || !is_host(address, (size_t)(colon - address), false) ||
	    !parse_number(colon + 1, PORT_MAX, &port) || port == 0)
		return parse_fail(p,
				  "'%s' is no address: write \"127.0.0.1:8080\", \"[::]:80\" or "
				  "the absolute path of a socket",
				  address);
	return 0;
}

/* The product of all repetition counts: what a nesting of them unrolls to at most. */
static uint64_t regex_repeats(const char *regex)
{
	uint64_t product = 1;

	for (const char *c = regex; *c; c++) {
		unsigned long n = 0, last;
		char *end = (char *)c + 1;

		if (*c == '\\' && c[1]) {
			c++;
			continue;
		}
		if (*c != '{')
			continue;
		do {
			last = strtoul(end, &end, 10);
			n = MAX_OF(n, last);
		} while (*end++ == ',');
		product *= MAX_OF(MIN_OF(n, REGEX_REPEAT_MAX + 1), 1);
		if (product > REGEX_REPEAT_MAX)
			break;
	}
	return product;
}

static bool has_back_reference(const char *regex)
{
	for (const char *c = regex; *c; c++) {
		if (*c != '\\' || !c[1])
			continue;
		c++;
		if (*c >= '1' && *c <= '9')
			return true;
	}
	return false;
}

int parse_regex(const struct parse *p, const char *regex)
{
	char why[128];
	regex_t compiled;
	int r;

	if (strlen(regex) > REGEX_BYTES_MAX)
		return parse_fail(p, "a regular expression of more than %d bytes", REGEX_BYTES_MAX);
	if (has_back_reference(regex))
		return parse_fail(p, "'%s' has a back-reference, which may take for ever", regex);
	if (regex_repeats(regex) > REGEX_REPEAT_MAX)
		return parse_fail(p, "'%s' repeats more than %d times", regex, REGEX_REPEAT_MAX);
	r = regcomp(&compiled, regex, REG_EXTENDED | REG_NOSUB);
	if (r == 0) {
		regfree(&compiled);
		return 0;
	}
	(void)regerror(r, &compiled, why, sizeof(why));
	return parse_fail(p, "'%s' is no regular expression: %s", regex, why);
}

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

static int set_target(const struct parse *p, struct draft *d, char *target)
{
	d->probe->target = target;
	return target ? 0 : parse_fail_memory(p);
}

static int read_notify(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	if (!json_is_true(value))
		return parse_fail(p, "must be true, or left out");
	return set_kind(p, member, f, CONFIG_PROBE_NOTIFY);
}

/* A port alone, or HOST:PORT. */
static char *tcp_target(const json_t *value)
{
	cleanup_text struct text t = {0};
	cleanup_free char *s = scalar_text(value);
	const char *colon = s ? port_colon(s) : NULL;

	if (!s)
		return NULL;
	if (!colon || text_equal(s, INTERPOLATE_PORT)) {
		text_addf(&t, "127.0.0.1:%s", s);
		return is_port(s) ? text_take(&t) : NULL;
	}
	if (!is_host(s, (size_t)(colon - s), true) || !is_port(colon + 1))
		return NULL;
	return steal_ptr(s);
}

static int read_tcp(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	cleanup_free char *target = NULL;
	int r;

	if (!json_is_string(value) && !json_is_integer(value))
		return parse_fail_kind(p, "a port or \"HOST:PORT\"", value);
	r = set_kind(p, member, f, CONFIG_PROBE_TCP);
	if (r < 0)
		return r;
	target = tcp_target(value);
	if (!target)
		return parse_fail(p,
				  "must name a port of this machine: 8080, \"127.0.0.1:8080\" or "
				  "\"" INTERPOLATE_PORT "\"");
	return set_target(p, member, steal_ptr(target));
}

static bool is_http_target(const char *url)
{
	const char *host = url + strlen("http://");
	const char *colon = port_colon(host);
	const char *path = strchr(host, '/');
	char port[sizeof(INTERPOLATE_PORT)];
	size_t len;

	if (!colon || !is_host(host, (size_t)(colon - host), true))
		return false;
	len = path ? (size_t)(path - colon) - 1 : strlen(colon + 1);
	if ((path && path < colon) || len >= sizeof(port))
		return false;
	memcpy(port, colon + 1, len);
	port[len] = 0;
	for (const char *c = url; *c; c++) {
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return false;
	}
	return is_port(port);
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
			"\"http://127.0.0.1:8080/health\" or \"http://127.0.0.1:" INTERPOLATE_PORT
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
	return r;
}
