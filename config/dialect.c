/* SPDX-License-Identifier: MIT */

/*
 * The dialects of adabru-server's config, read as they stand.
 *
 * There are two: `processes` beside `env` and `webhooks`, which is ours; and the flat one, in which
 * each top-level key is a process and brings its `webhook` along. In the flat one four names are
 * daemons that this project has itself. Their scripts are never run, but what their arguments say
 * (on which ports, with which token, which routes) is what the sections of our dialect say, so it
 * is moved there, and everything behind this file knows one shape only.
 *
 * Complaints name the place as it was written: dialect_origin() leads back.
 */

#include "config/dialect.h"

#include <stdio.h>
#include <string.h>

#include "lib/json.h"
#include "lib/text.h"
#include "config/address.h"
#include "config/document.h"
#include "config/place.h"
#include "config/scalar.h"

#define ROUTER_HOST_DEFAULT "::1"
#define PORT_MAX 65535

static const char *const sections[] = {"processes", "webhooks", "slices"};

/* What the seed's own daemons are started with; here they are not started. */
static const char *const unused_keys[] = {"script", "command", "args",   "cwd",
					  "env",    "ports",   "webhook"};

bool dialect_is_flat(const json_t *source)
{
	return !json_object_get(source, "processes") && !json_object_get(source, "webhooks");
}

static int put(const struct document *d, json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value) < 0 ? document_fail_memory(d) : 0;
}

static int put_borrowed(const struct document *d, json_t *object, const char *key, json_t *value)
{
	return put(d, object, key, json_incref(value));
}

static int read_port(const struct document *d, struct place *at, const json_t *value, int *ret_port)
{
	json_int_t port = json_integer_value(value);

	if (!json_is_integer(value))
		return document_fail(d, at, "must be a port, not %s", scalar_kind(value));
	if (port < 1 || port > PORT_MAX)
		return document_fail(d, at, "%" JSON_INTEGER_FORMAT " is no port: 1 to 65535",
				     port);
	*ret_port = (int)port;
	return 0;
}

static int append_loopback(const struct document *d, json_t *listen, int port)
{
	if (json_array_append_new(listen, json_sprintf("127.0.0.1:%d", port)) < 0 ||
	    json_array_append_new(listen, json_sprintf("[::1]:%d", port)) < 0)
		return document_fail_memory(d);
	return 0;
}

/* Right or not, even where nothing comes of it; listen on loopback where nothing else is said. */
static int ports_to_listen(const struct document *d, struct place *at, const json_t *daemon,
			   json_t *section)
{
	const json_t *ports = json_object_get(daemon, "ports");
	cleanup_json json_t *listen = json_array();
	size_t i;
	json_t *value;

	if (!ports)
		return 0;
	place_push_key(at, "ports");
	if (!json_is_array(ports))
		return document_fail(d, at, "must be an array of ports, not %s",
				     scalar_kind(ports));
	json_array_foreach((json_t *)ports, i, value) {
		int port = 0, r;

		place_push_index(at, i);
		r = read_port(d, at, value, &port);
		if (r == 0)
			r = append_loopback(d, listen, port);
		if (r < 0)
			return r;
		place_pop(at);
	}
	place_pop(at);
	if (!section || json_object_get(section, "listen") || json_array_size(listen) == 0)
		return 0;
	return put(d, section, "listen", steal_ptr(listen));
}

static int translate_ci(const struct document *d, struct place *at, json_t *daemon, json_t *section)
{
	return ports_to_listen(d, at, daemon, section);
}

static int translate_dashboard(const struct document *d, struct place *at, json_t *daemon,
			       json_t *section)
{
	json_t *token = json_object_get(json_object_get(daemon, "args"), "token");
	int r;

	r = ports_to_listen(d, at, daemon, section);
	if (r == 0 && token && !json_object_get(section, "token"))
		r = put_borrowed(d, section, "token", token);
	return r;
}

/* The collector listens on Unix sockets only. */
static int translate_log(const struct document *d, struct place *at, json_t *daemon,
			 json_t *section)
{
	return ports_to_listen(d, at, daemon, NULL);
}

static int read_host(const struct document *d, struct place *at, const json_t *args,
		     const char **ret_host)
{
	const json_t *host = json_object_get(args, "host");

	*ret_host = host ? json_string_value(host) : ROUTER_HOST_DEFAULT;
	if (*ret_host)
		return 0;
	place_push_key(at, "host");
	return document_fail(d, at, "must be an address, not %s", scalar_kind(host));
}

static int router_listen(const struct document *d, struct place *at, const json_t *args,
			 json_t *section)
{
	const json_t *port_value = json_object_get(args, "port");
	const char *host;
	int port = 0, r;

	r = read_host(d, at, args, &host);
	if (r < 0 || !port_value)
		return r;
	place_push_key(at, "port");
	r = read_port(d, at, port_value, &port);
	if (r < 0)
		return r;
	place_pop(at);
	return put(d, section, "listen",
		   json_sprintf(strchr(host, ':') ? "[%s]:%d" : "%s:%d", host, port));
}

/* "7080->7500", the port that is redirected and where to; 0 when it is not that. */
static uint64_t redirected_port(const char *s)
{
	const char *arrow = strstr(s, "->");
	uint64_t from = 0, to = 0;
	char digits[8];
	size_t len = arrow ? (size_t)(arrow - s) : 0;

	if (len == 0 || len >= sizeof(digits))
		return 0;
	memcpy(digits, s, len);
	digits[len] = 0;
	if (!address_number(digits, PORT_MAX, &from) || !address_number(arrow + 2, PORT_MAX, &to))
		return 0;
	return to > 0 ? from : 0;
}

static int router_redirect(const struct document *d, struct place *at, json_t *value,
			   json_t *section)
{
	const char *s = json_string_value(value);
	uint64_t from = s ? redirected_port(s) : 0;

	if (!s)
		return put_borrowed(d, section, "http_redirect", value);
	if (from == 0)
		return document_fail(d, at, "'%s' is not of the form \"FROM->TO\"", s);
	return put(d, section, "http_redirect", json_integer((json_int_t)from));
}

static int router_argument(const struct document *d, struct place *at, const char *key,
			   json_t *value, json_t *section)
{
	static const char *const known[] = {"host", "port", "http_redirect", "routes", "webroots"};
	const char *near = text_nearest(key, known, ARRAY_LEN(known));

	if (!strcmp(key, "http_redirect"))
		return router_redirect(d, at, value, section);
	if (!strcmp(key, "routes") || !strcmp(key, "webroots"))
		return put_borrowed(d, section, key, value);
	if (!strcmp(key, "host") || !strcmp(key, "port"))
		return 0;
	if (near)
		return document_fail(d, at, "unknown key, did you mean '%s'?", near);
	return document_fail(d, at, "unknown key");
}

static int translate_router(const struct document *d, struct place *at, json_t *daemon,
			    json_t *section)
{
	json_t *args = json_object_get(daemon, "args");
	const char *key;
	json_t *value;
	int r;

	r = ports_to_listen(d, at, daemon, section);
	if (r < 0 || !args)
		return r;
	place_push_key(at, "args");
	if (!json_is_object(args))
		return document_fail(d, at, "must be an object, not %s", scalar_kind(args));
	r = router_listen(d, at, args, section);
	if (r < 0)
		return r;
	json_object_foreach(args, key, value) {
		place_push_key(at, key);
		r = router_argument(d, at, key, value, section);
		if (r < 0)
			return r;
		place_pop(at);
	}
	place_pop(at);
	return 0;
}

static const struct {
	const char *name;
	int (*translate)(const struct document *d, struct place *at, json_t *daemon,
			 json_t *section);
} daemons[] = {
	{"ci", translate_ci},
	{"dashboard", translate_dashboard},
	{"log", translate_log},
	{"router", translate_router},
};

static int add_hook(const struct document *d, json_t *root, const char *name, json_t *hook)
{
	json_t *hooks = json_object_get(root, "webhooks");
	int r = 0;

	if (!hooks)
		r = put(d, root, "webhooks", json_object());
	if (r == 0)
		r = put_borrowed(d, json_object_get(root, "webhooks"), name, hook);
	return r;
}

static int add_daemon(const struct document *d, size_t i, json_t *daemon, json_t *root)
{
	struct place at = {0};
	cleanup_json json_t *section = NULL;
	json_t *hook = json_object_get(daemon, "webhook");
	int r;

	place_push_key(&at, daemons[i].name);
	if (!json_is_object(daemon))
		return document_fail(d, &at, "must be an object, not %s", scalar_kind(daemon));
	section = json_object();
	if (!section || json_object_update(section, daemon) < 0)
		return document_fail_memory(d);
	for (size_t k = 0; k < ARRAY_LEN(unused_keys); k++)
		(void)json_object_del(section, unused_keys[k]);
	r = daemons[i].translate(d, &at, daemon, section);
	if (r == 0 && hook)
		r = add_hook(d, root, daemons[i].name, hook);
	return r < 0 ? r : put(d, root, daemons[i].name, steal_ptr(section));
}

/* "procesess" holds processes and not a program: say so, before its content makes no sense. */
static int check_misspelt(const struct document *d, const char *key, const json_t *value)
{
	const char *near = text_nearest(key, sections, ARRAY_LEN(sections));
	struct place at = {0};

	if (!near || json_object_get(value, "script") || json_object_get(value, "command"))
		return 0;
	place_push_key(&at, key);
	return document_fail(d, &at, "unknown section, did you mean '%s'?", near);
}

static int add_member(const struct document *d, const char *key, json_t *value, json_t *root)
{
	int r;

	for (size_t i = 0; i < ARRAY_LEN(daemons); i++) {
		if (!strcmp(key, daemons[i].name))
			return add_daemon(d, i, value, root);
	}
	if (!strcmp(key, "env") || !strcmp(key, "slices") || !strcmp(key, "$schema"))
		return put_borrowed(d, root, key, value);
	r = check_misspelt(d, key, value);
	if (r < 0)
		return r;
	return put_borrowed(d, json_object_get(root, "processes"), key, value);
}

int dialect_translate(const struct document *d, json_t *resolved, json_t **ret_root)
{
	cleanup_json json_t *root = NULL;
	const char *key;
	json_t *value;
	int r;

	if (!d->flat) {
		*ret_root = json_incref(resolved);
		return 0;
	}
	root = json_pack("{s:{}}", "processes");
	if (!root)
		return document_fail_memory(d);
	json_object_foreach(resolved, key, value) {
		r = add_member(d, key, value, root);
		if (r < 0)
			return r;
	}
	*ret_root = steal_ptr(root);
	return 0;
}

static void copy_parts(const struct place *from, size_t first, struct place *to)
{
	for (size_t i = first; i < MIN_OF(from->n_parts, PLACE_PARTS_MAX); i++) {
		if (from->parts[i].key)
			place_push_key(to, from->parts[i].key);
		else
			place_push_index(to, from->parts[i].index);
	}
}

/* Whether a key of a section was written as an argument of the daemon. */
static bool is_argument(const struct document *d, const char *section, const char *key)
{
	const json_t *daemon = json_object_get(d->root, section);

	return !json_object_get(daemon, key) &&
	       json_object_get(json_object_get(daemon, "args"), key);
}

void dialect_origin(const struct document *d, const struct place *translated,
		    struct place *ret_written)
{
	const struct place *t = translated;
	const char *top = t->n_parts > 0 ? t->parts[0].key : NULL;

	*ret_written = (struct place){0};
	if (!d->flat || t->n_parts < 2) {
		copy_parts(t, 0, ret_written);
		return;
	}
	if (!strcmp(top, "processes")) {
		copy_parts(t, 1, ret_written);
	} else if (!strcmp(top, "webhooks")) {
		place_push_key(ret_written, t->parts[1].key);
		place_push_key(ret_written, "webhook");
		copy_parts(t, 2, ret_written);
	} else if (is_argument(d, top, t->parts[1].key)) {
		place_push_key(ret_written, top);
		place_push_key(ret_written, "args");
		copy_parts(t, 1, ret_written);
	} else {
		copy_parts(t, 0, ret_written);
	}
}
