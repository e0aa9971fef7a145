/* SPDX-License-Identifier: MIT */
/*
 * A Varlink server: sockets that are listened on, connections, and who may call what.
 *
 * A connection carries out one call at a time: while a call is not answered its wire is blocked,
 * so answers leave in the order of the calls and a peer cannot queue work in here; what it
 * pipelines waits in its own socket. The role is looked up once, when the peer connects, and is
 * compared before a method sees its parameters. A peer without any role gets answers that say so,
 * and only short messages are taken from it.
 */
#include "lib/varlink/server.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/fd.h"
#include "lib/list.h"
#include "lib/log.h"
#include "lib/varlink/call-state.h"
#include "lib/varlink/frames.h"
#include "lib/varlink/listener.h"
#include "lib/varlink/message.h"
#include "lib/varlink/service.h"
#include "lib/varlink/wire.h"

static_assert(VARLINK_OUT_MAX == WIRE_OUT_MAX && VARLINK_OUT_STOP == WIRE_OUT_STOP,
	      "what the header promises");

/** Longest message of a peer without a role. */
#define STRANGER_MESSAGE_MAX ((size_t)64 * 1024)
struct served {
	const struct varlink_interface *interface;
	void *userdata;
};

struct varlink_server {
	struct loop *loop;
	varlink_role_fn role;
	void *userdata;
	struct served *served;
	size_t n_served;
	struct listener **listeners;
	size_t n_listeners;
	struct list connections;
	size_t n_connections;
	usec_t idle_usec; /* USEC_INFINITY: nobody wants to know */
	struct loop_timer idle;
};

struct connection {
	struct list link;
	struct varlink_server *server;
	struct wire *wire;
	struct varlink_call *call; /* the one that is not answered yet, or NULL */
	struct fd_peer peer;
	enum varlink_role role;
};

/* --- dispatch --------------------------------------------------------------------------------- */

static const struct served *server_find(const struct varlink_server *s, const char *name, size_t n)
{
	for (size_t i = 0; i < s->n_served; i++) {
		const char *have = s->served[i].interface->name;

		if (strlen(have) == n && memcmp(have, name, n) == 0)
			return &s->served[i];
	}
	return NULL;
}

static const struct varlink_method *interface_find(const struct varlink_interface *i,
						   const char *name)
{
	for (size_t m = 0; m < i->n_methods; m++)
		if (strcmp(i->methods[m].name, name) == 0)
			return &i->methods[m];
	return NULL;
}

static void call_refuse(struct varlink_call *call, const char *method, enum varlink_role needed)
{
	struct error err = {0};

	error_set_id(&err, -EACCES, VARLINK_ERROR_PERMISSION_DENIED,
		     "uid %u may not call \"%s\": it needs the role %s and has %s", call->peer.uid,
		     method, varlink_role_name(needed), varlink_role_name(call->role));
	varlink_call_fail(call, &err);
}

static void call_run(struct connection *c, const struct varlink_method *m,
		     const struct message_call *message, void *userdata)
{
	struct error plain = {0};
	struct error err = {0};
	int r;

	r = m->fn(c->call, message->parameters, userdata, &err);
	/* A method that failed after its answer has said what there is to say. */
	if (r >= 0 || !c->call)
		return;
	error_set_id(&plain, r, err.id, "%s", strerror(-r));
	varlink_call_fail(c->call, err.text[0] != '\0' ? &err : &plain);
}

static void call_dispatch(struct connection *c, const struct message_call *message)
{
	const char *dot = strrchr(message->method, '.');
	const struct varlink_method *m;
	const struct served *served;

	if (!dot || message->upgrade) {
		varlink_call_error(c->call, VARLINK_ERROR_INVALID_PARAMETER,
				   json_pack("{s:s}", "parameter", dot ? "upgrade" : "method"));
		return;
	}
	served = server_find(c->server, message->method, (size_t)(dot - message->method));
	if (!served) {
		varlink_call_error(c->call, VARLINK_ERROR_INTERFACE_NOT_FOUND,
				   json_pack("{s:s%}", "interface", message->method,
					     (size_t)(dot - message->method)));
		return;
	}
	c->call->interface = served->interface->name;
	m = interface_find(served->interface, dot + 1);
	if (!m)
		varlink_call_error(c->call, VARLINK_ERROR_METHOD_NOT_FOUND,
				   json_pack("{s:s}", "method", message->method));
	else if (c->role < m->role)
		call_refuse(c->call, message->method, m->role);
	else if (!m->fn)
		varlink_call_error(c->call, VARLINK_ERROR_METHOD_NOT_IMPLEMENTED,
				   json_pack("{s:s}", "method", message->method));
	else
		call_run(c, m, message, served->userdata);
}

/* --- connections ------------------------------------------------------------------------------ */

static void server_count(struct varlink_server *s, ssize_t change)
{
	usec_t idle_at = USEC_INFINITY;

	s->n_connections += (size_t)change;
	if (s->idle_usec == USEC_INFINITY)
		return;
	if (s->n_connections == 0)
		idle_at = usec_add(clock_now_usec(), s->idle_usec);
	if (loop_timer_set(&s->idle, idle_at) < 0)
		log_debug("cannot set a timer: nobody hears that nobody is connected");
}

static void connection_free(struct connection *c)
{
	if (c->call)
		call_gone(c->call);
	wire_free(c->wire);
	list_remove(&c->link);
	server_count(c->server, -1);
	for (size_t i = 0; i < c->server->n_listeners; i++)
		listener_room(c->server->listeners[i]);
	free(c);
}

static void on_message(const char *text, size_t n_bytes, void *userdata)
{
	cleanup_message_call struct message_call message = {0};
	struct connection *c = userdata;
	struct error err = {0};
	int r;

	r = message_call_parse(text, n_bytes, &message, &err);
	if (r == 0)
		c->call = calloc(1, sizeof(*c->call));
	if (r < 0 || !c->call) {
		log_debug("pid %d is not understood and hung up on: %s", c->peer.pid,
			  r < 0 ? err.text : "out of memory");
		wire_hang_up(c->wire);
		return;
	}
	*c->call = (struct varlink_call){
		.wire = c->wire,
		.slot = &c->call,
		.interface = service_interface.name,
		.peer = c->peer,
		.role = c->role,
		.more = message.more,
		.oneway = message.oneway,
	};
	wire_block(c->wire, true);
	call_dispatch(c, &message);
}

static void on_drained(void *userdata)
{
	struct connection *c = userdata;

	if (c->call)
		call_drained(c->call);
}

static void on_deaf(void *userdata)
{
	struct connection *c = userdata;

	call_gone(c->call);
}

static void on_ended(void *userdata)
{
	connection_free(userdata);
}

static const struct wire_events connection_events = {
	.message = on_message,
	.drained = on_drained,
	.deaf = on_deaf,
	.ended = on_ended,
	.answers = true,
};

static enum varlink_role server_role(struct varlink_server *s, int fd, const struct fd_peer *peer)
{
	if (s->role)
		return s->role(fd, peer, s->userdata);
	return peer->uid == 0 || peer->uid == geteuid() ? VARLINK_ROLE_ADMIN : VARLINK_ROLE_NONE;
}

/* A peer that cannot be served sees its connection end. */
static void on_connection(int fd, void *userdata)
{
	struct varlink_server *s = userdata;
	cleanup_close int owned = fd;
	struct connection *c;
	struct fd_peer peer;
	size_t max;

	if (s->n_connections >= VARLINK_CONNECTIONS_MAX || fd_peer_get(fd, &peer) < 0)
		return;
	c = calloc(1, sizeof(*c));
	if (!c)
		return;
	c->server = s;
	c->peer = peer;
	c->role = server_role(s, fd, &peer);
	max = c->role == VARLINK_ROLE_NONE ? STRANGER_MESSAGE_MAX : VARLINK_MESSAGE_MAX;
	if (wire_new(s->loop, fd, max, &connection_events, c, &c->wire) < 0) {
		free(c);
		return;
	}
	(void)steal_fd(&owned);
	list_append(&s->connections, &c->link);
	server_count(s, 1);
}

/* --- the server ------------------------------------------------------------------------------- */

static int server_serve(struct varlink_server *s, const struct varlink_interface *interface,
			void *userdata)
{
	struct served *grown = reallocarray(s->served, s->n_served + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	s->served = grown;
	s->served[s->n_served++] = (struct served){interface, userdata};
	return 0;
}

int varlink_server_new(struct loop *l, varlink_role_fn role, void *userdata,
		       struct varlink_server **ret_server)
{
	struct varlink_server *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->loop = l;
	s->role = role;
	s->userdata = userdata;
	s->idle_usec = USEC_INFINITY;
	list_init(&s->connections);
	if (server_serve(s, &service_interface, s) < 0) {
		free(s);
		return -ENOMEM;
	}
	*ret_server = s;
	return 0;
}

void varlink_server_free(struct varlink_server *s)
{
	if (!s)
		return;
	list_for_each_safe(it, &s->connections)
		connection_free(list_entry(it, struct connection, link));
	for (size_t i = 0; i < s->n_listeners; i++)
		listener_free(s->listeners[i]);
	loop_timer_done(&s->idle);
	free(s->listeners);
	free(s->served);
	free(s);
}

int varlink_server_listen(struct varlink_server *s, int fd)
{
	cleanup_close int owned = fd;
	struct listener **grown;
	int r;

	grown = reallocarray(s->listeners, s->n_listeners + 1, sizeof(struct listener *));
	if (!grown)
		return -ENOMEM;
	s->listeners = grown;
	r = listener_new(s->loop, steal_fd(&owned), on_connection, s, &grown[s->n_listeners]);
	if (r == 0)
		s->n_listeners++;
	return r;
}

int varlink_server_add(struct varlink_server *s, const struct varlink_interface *interface)
{
	return server_serve(s, interface, s->userdata);
}

const struct varlink_interface *varlink_server_interface(const struct varlink_server *s, size_t n)
{
	return n < s->n_served ? s->served[n].interface : NULL;
}

int varlink_server_watch_idle(struct varlink_server *s, usec_t idle_usec, loop_timer_fn fn,
			      void *userdata)
{
	int r = loop_timer_init(&s->idle, s->loop, fn, userdata);

	if (r < 0)
		return r;
	s->idle_usec = idle_usec;
	server_count(s, 0);
	return 0;
}
