/* SPDX-License-Identifier: MIT */
/*
 * The life of a call between the moment it is handed to a method and its last answer.
 *
 * A call is answered exactly once, now or later, and blocks its connection until then, so that
 * answers leave in the order of the calls. It may outlive its connection: an owner who asked to be
 * told gives it up when the gone callback has returned, any other owner still holds the pointer
 * and answers into nothing.
 */
#include "lib/varlink/call.h"

#include "lib/error.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/text.h"
#include "lib/varlink/call-state.h"
#include "lib/varlink/message.h"
#include "lib/varlink/wire.h"

static void call_detach(struct varlink_call *c)
{
	struct wire *w = c->wire;

	if (!w)
		return;
	c->wire = NULL;
	*c->slot = NULL;
	wire_block(w, false);
}

static const char *call_problem(int r)
{
	if (r == -EMSGSIZE)
		return "the answer is longer than 16M, ask for less";
	return r == -ENOBUFS ? "the peer does not read what it asked for" : "out of memory";
}

/* Return: @r, the result of sending, once it is known to the log. */
static int call_sent(struct varlink_call *c, int r)
{
	if (r < 0)
		log_warning("cannot answer a call of \"%s\": %s", c->interface, call_problem(r));
	return r;
}

static int call_send(struct varlink_call *c, json_t *message)
{
	if (!c->wire || c->oneway)
		return 0;
	return call_sent(c, message ? wire_send(c->wire, message) : -ENOMEM);
}

static int call_send_text(struct varlink_call *c, const struct text *parameters, bool continues)
{
	struct frames_part parts[MESSAGE_REPLY_PARTS];

	if (!c->wire || c->oneway)
		return 0;
	if (!parameters->data || parameters->failed)
		return call_sent(c, -ENOMEM);
	message_reply_parts(parameters->data, parameters->len, continues, parts);
	return call_sent(c, wire_send_parts(c->wire, parts, ARRAY_LEN(parts)));
}

/* A peer that waits for an answer must not wait for ever: it gets an error, or its end. */
static void call_give_up(struct varlink_call *c, int r)
{
	cleanup_json json_t *message = NULL;
	struct error err = {0};

	error_set(&err, r, "%s", call_problem(r));
	message = message_error_from(c->interface, &err);
	if (!message || wire_send(c->wire, message) < 0)
		wire_abort(c->wire);
}

/* @r tells whether the last answer could be sent. */
static void call_end(struct varlink_call *c, int r)
{
	if (r < 0)
		call_give_up(c, r);
	call_detach(c);
	free(c);
}

static void call_finish(struct varlink_call *c, json_t *message)
{
	int r = call_send(c, message);

	json_decref(message);
	call_end(c, r);
}

bool varlink_call_wants_more(const struct varlink_call *c)
{
	return c->more && !c->oneway;
}

bool varlink_call_is_oneway(const struct varlink_call *c)
{
	return c->oneway;
}

const struct fd_peer *varlink_call_peer(const struct varlink_call *c)
{
	return &c->peer;
}

enum varlink_role varlink_call_role(const struct varlink_call *c)
{
	return c->role;
}

void varlink_call_reply(struct varlink_call *c, json_t *parameters)
{
	call_finish(c, message_reply_new(parameters, false));
}

void varlink_call_reply_text(struct varlink_call *c, const struct text *parameters)
{
	call_end(c, call_send_text(c, parameters, false));
}

bool varlink_call_continue(struct varlink_call *c, json_t *parameters)
{
	cleanup_json json_t *message = NULL;

	/* A peer that did not ask for more would take this for its only answer. */
	if (!varlink_call_wants_more(c)) {
		json_decref(parameters);
		return true;
	}
	message = message_reply_new(parameters, true);
	if (call_send(c, message) < 0)
		wire_abort(c->wire);
	return !c->wire || !wire_full(c->wire);
}

bool varlink_call_continue_text(struct varlink_call *c, const struct text *parameters)
{
	if (!varlink_call_wants_more(c))
		return true;
	if (call_send_text(c, parameters, true) < 0)
		wire_abort(c->wire);
	return !c->wire || !wire_full(c->wire);
}

void varlink_call_fail(struct varlink_call *c, const struct error *err)
{
	call_finish(c, message_error_from(c->interface, err));
}

void varlink_call_error(struct varlink_call *c, const char *id, json_t *parameters)
{
	call_finish(c, message_error_new(id, parameters));
}

void varlink_call_watch(struct varlink_call *c, void (*gone)(void *userdata),
			void (*drained)(void *userdata), void *userdata)
{
	c->gone = gone;
	c->drained = drained;
	c->userdata = userdata;
}

void call_gone(struct varlink_call *c)
{
	call_detach(c);
	if (!c->gone)
		return;
	c->gone(c->userdata);
	free(c);
}

void call_drained(struct varlink_call *c)
{
	if (c->drained)
		c->drained(c->userdata);
}

const char *varlink_role_name(enum varlink_role role)
{
	static const char *const names[] = {
		[VARLINK_ROLE_NONE] = "none",
		[VARLINK_ROLE_READ] = "read",
		[VARLINK_ROLE_OPERATE] = "operate",
		[VARLINK_ROLE_ADMIN] = "admin",
	};

	static_assert(ARRAY_LEN(names) == VARLINK_ROLE_COUNT, "each role has a name");
	return names[role];
}
