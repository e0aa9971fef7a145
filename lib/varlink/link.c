/* SPDX-License-Identifier: MIT */
/*
 * The client side of a connection on the loop. Answers come in the order of the calls, so the
 * calls that are not answered yet are a queue and each message belongs to its head.
 *
 * A callback may free the link; then the memory goes when the callback has returned, and no other
 * callback is made. When the connection ends every call in the queue is told once, and calls made
 * after that are refused at once.
 */
#include "lib/varlink/link.h"

#include <sys/socket.h>

#include "lib/error.h"
#include "lib/fd.h"
#include "lib/json.h"
#include "lib/list.h"
#include "lib/varlink/frames.h"
#include "lib/varlink/message.h"
#include "lib/varlink/wire.h"

struct pending {
	struct list link;
	varlink_reply_fn fn;
	void *userdata;
	bool more;
};

struct varlink_link {
	struct wire *wire; /* NULL once the connection has ended */
	struct list calls;
	size_t n_calls;
	bool calling; /* a callback runs */
	bool dead;    /* freed by its owner in that callback */
};

static void link_destroy(struct varlink_link *k)
{
	list_for_each_safe(it, &k->calls)
		free(list_entry(it, struct pending, link));
	wire_free(k->wire);
	free(k);
}

static void link_pop(struct varlink_link *k, struct pending *p)
{
	list_remove(&p->link);
	k->n_calls--;
	free(p);
}

static void link_answer(struct varlink_link *k, json_t *reply, bool continues,
			const struct error *err)
{
	struct pending *p = list_entry(k->calls.next, struct pending, link);
	varlink_reply_fn fn = p->fn;
	void *userdata = p->userdata;

	if (!continues)
		link_pop(k, p);
	fn(reply, continues, err, userdata);
}

/* Tells every call; those that the callbacks add meanwhile are refused, as the wire is gone. */
static void link_end(struct varlink_link *k, const struct error *err)
{
	wire_free(steal_ptr(k->wire));
	while (!k->dead && !list_empty(&k->calls))
		link_answer(k, NULL, false, err);
}

static void link_receive(struct varlink_link *k, const char *text, size_t n_bytes)
{
	cleanup_message_reply struct message_reply reply = {0};
	struct error err = {0};
	struct pending *head;

	if (message_reply_parse(text, n_bytes, &reply, &err) < 0) {
		link_end(k, &err);
		return;
	}
	head = list_entry(k->calls.next, struct pending, link);
	if (list_empty(&k->calls) || (reply.continues && !head->more)) {
		error_set(&err, -EBADMSG, "an answer came that nobody asked for");
		link_end(k, &err);
		return;
	}
	if (reply.error) {
		message_reply_error(&reply, &err);
		link_answer(k, NULL, false, &err);
		return;
	}
	link_answer(k, reply.parameters, reply.continues, NULL);
}

static void on_message(const char *text, size_t n_bytes, void *userdata)
{
	struct varlink_link *k = userdata;

	k->calling = true;
	link_receive(k, text, n_bytes);
	k->calling = false;
	if (k->dead)
		link_destroy(k);
}

static void on_ended(void *userdata)
{
	struct varlink_link *k = userdata;
	struct error err = {0};

	error_set(&err, -ECONNRESET, "the connection ended before the answer");
	k->calling = true;
	link_end(k, &err);
	k->calling = false;
	if (k->dead)
		link_destroy(k);
}

static const struct wire_events link_events = {
	.message = on_message,
	.ended = on_ended,
};

int varlink_link_open(struct loop *l, const char *path, struct varlink_link **ret_link)
{
	cleanup_close int fd = -1;
	struct varlink_link *k;
	int r;

	fd = fd_unix_connect(path, SOCK_STREAM);
	if (fd < 0)
		return steal_fd(&fd);
	k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	list_init(&k->calls);
	r = wire_new(l, fd, VARLINK_MESSAGE_MAX, &link_events, k, &k->wire);
	if (r < 0) {
		free(k);
		return r;
	}
	(void)steal_fd(&fd);
	*ret_link = k;
	return 0;
}

void varlink_link_free(struct varlink_link *k)
{
	if (!k)
		return;
	if (k->calling)
		k->dead = true;
	else
		link_destroy(k);
}

int varlink_link_call(struct varlink_link *k, const char *method, json_t *parameters, bool more,
		      varlink_reply_fn fn, void *userdata)
{
	cleanup_json json_t *message = NULL;
	cleanup_free struct pending *p = NULL;
	int r;

	message = message_call_new(method, parameters, more ? MESSAGE_MORE : 0);
	p = calloc(1, sizeof(*p));
	if (!message || !p)
		return -ENOMEM;
	if (!k->wire)
		return -ECONNRESET;
	if (k->n_calls >= VARLINK_LINK_CALLS_MAX)
		return -ENOBUFS;
	r = wire_send(k->wire, message);
	if (r < 0)
		return r;
	*p = (struct pending){.fn = fn, .userdata = userdata, .more = more};
	list_append(&k->calls, &p->link);
	k->n_calls++;
	p = NULL;
	return 0;
}
