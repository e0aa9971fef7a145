/* SPDX-License-Identifier: MIT */

/*
 * What a process binds, or has bound for it.
 *
 * `ports` are bound by the payload: fixed ones, of which only one instance can have each, or
 * ${PORT}, one a slot. `listen` are sockets that are bound before it starts and that all its
 * instances share; there a probe by tcp or http would be answered by any of them, or by none, and
 * says nothing.
 */

#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "config/address.h"
#include "config/model.h"
#include "config/parse.h"
#include "config/template.h"

#define PORTS_MAX 64
#define LISTEN_MAX 32
#define PORT_MAX 65535

static int read_port(struct parse *p, const json_t *value, unsigned *ret_port)
{
	const char *s = json_string_value(value);
	uint64_t port = 0;

	if (s && !strcmp(s, TEMPLATE_PORT)) {
		*ret_port = 0;
		return 0;
	}
	if (!s && !json_is_integer(value))
		return parse_fail_kind(p, "a port or \"" TEMPLATE_PORT "\"", value);
	if (s && !address_number(s, PORT_MAX, &port))
		return parse_fail(p, "'%s' is no port: 1 to 65535, or \"" TEMPLATE_PORT "\"", s);
	if (!s && json_integer_value(value) > 0)
		port = (uint64_t)json_integer_value(value);
	if (port == 0 || port > PORT_MAX)
		return parse_fail(p, "is no port: 1 to 65535");
	*ret_port = (unsigned)port;
	return 0;
}

int parse_ports(struct parse *p, const json_t *array, const struct field *f, void *member)
{
	struct config_process *out = member;
	size_t i;
	json_t *value;

	if (!json_is_array(array))
		return parse_fail_kind(p, "an array of ports", array);
	if (json_array_size(array) > PORTS_MAX)
		return parse_fail(p, "more than %d ports", PORTS_MAX);
	out->ports = calloc(json_array_size(array) + 1, sizeof(*out->ports));
	if (!out->ports)
		return parse_fail_memory(p);
	json_array_foreach((json_t *)array, i, value) {
		int r;

		place_push_index(&p->place, i);
		r = read_port(p, value, &out->ports[i]);
		if (r < 0)
			return r;
		place_pop(&p->place);
		out->n_ports++;
		if (out->ports[i] == 0)
			r = parse_note_later(p, f->key, array);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_listen(struct parse *p, struct config_process *out, const char *name,
		      const json_t *value)
{
	struct config_listen *grown;
	struct config_listen one = {0};
	int r;

	if (!json_is_string(value))
		return parse_fail_kind(p, "an address", value);
	r = parse_address(p, json_string_value(value));
	if (r < 0)
		return r;
	if (out->n_listen == LISTEN_MAX)
		return parse_fail(p, "more than %d sockets", LISTEN_MAX);
	grown = reallocarray(out->listen, out->n_listen + 1, sizeof(*grown));
	if (!grown)
		return parse_fail_memory(p);
	out->listen = grown;
	one.name = name ? strdup(name) : NULL;
	one.address = strdup(json_string_value(value));
	grown[out->n_listen++] = one;
	return (name && !one.name) || !one.address ? parse_fail_memory(p) : 0;
}

/* One address, a list of them, or an object of named ones. */
int parse_listen(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	const char *key;
	json_t *one;
	size_t i;
	int r = 0;

	if (json_is_string(value))
		return add_listen(p, member, NULL, value);
	if (!json_is_array(value) && !json_is_object(value))
		return parse_fail_kind(p, "an address or a list of them", value);
	if (json_array_size(value) + json_object_size(value) == 0)
		return parse_fail(p, "must not be empty");
	json_array_foreach((json_t *)value, i, one) {
		place_push_index(&p->place, i);
		r = add_listen(p, member, NULL, one);
		if (r < 0)
			return r;
		place_pop(&p->place);
	}
	json_object_foreach((json_t *)value, key, one) {
		place_push_key(&p->place, key);
		if (!text_name_valid(key))
			return parse_fail(p, "no valid name for a socket: a-z, 0-9, '-', '_'");
		r = add_listen(p, member, key, one);
		if (r < 0)
			return r;
		place_pop(&p->place);
	}
	return 0;
}

static bool has_slot_port(const struct config_process *c)
{
	for (size_t i = 0; i < c->n_ports; i++) {
		if (c->ports[i] == 0)
			return true;
	}
	return false;
}

static int check_probe(struct parse *p, const struct config_process *c, const char *key,
		       const struct config_probe *probe)
{
	bool is_slots;

	if (probe->kind != CONFIG_PROBE_TCP && probe->kind != CONFIG_PROBE_HTTP)
		return 0;
	is_slots = strstr(probe->target, TEMPLATE_PORT) != NULL;
	if (c->n_listen > 0)
		return parse_fail_member(
			p, key, NULL,
			"on a shared `listen` any instance would answer, or none: use "
			"notify, log or exec");
	if (is_slots && !has_slot_port(c))
		return parse_fail_member(p, key, NULL,
					 "names " TEMPLATE_PORT
					 ", but 'ports' has no \"" TEMPLATE_PORT "\"");
	if (!is_slots && c->instances > 1)
		return parse_fail_member(p, key, NULL,
					 "with several instances it must name " TEMPLATE_PORT);
	return 0;
}

static int check_ports(struct parse *p, const struct config_process *c)
{
	for (size_t i = 0; c->instances > 1 && i < c->n_ports; i++) {
		if (c->ports[i] != 0)
			return parse_fail_member(
				p, "ports", NULL,
				"a fixed port with several instances: write \"" TEMPLATE_PORT
				"\" or use 'listen'");
	}
	return 0;
}

static int name_sockets(struct parse *p, struct config_process *c)
{
	for (size_t i = 0; i < c->n_listen; i++) {
		if (!c->listen[i].name)
			c->listen[i].name = strdup(c->name);
		if (!c->listen[i].name)
			return parse_fail_memory(p);
	}
	return 0;
}

int parse_finish_ports(struct parse *p, struct config_process *c)
{
	int r;

	r = check_probe(p, c, "ready", &c->ready);
	if (r == 0)
		r = check_probe(p, c, "health", &c->health);
	if (r == 0)
		r = check_ports(p, c);
	return r < 0 ? r : name_sockets(p, c);
}
