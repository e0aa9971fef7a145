/* SPDX-License-Identifier: MIT */
/*
 * A client for a program that has nothing else to do: it sends, and waits with poll(2).
 *
 * One call is in progress at a time. A deadline that passes in the middle of an answer leaves what
 * has arrived in the buffer, so that waiting may go on; but a new call would take the late answer
 * for its own, so a connection with an unanswered call refuses it.
 */
#include "lib/varlink/client.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/fd.h"
#include "lib/json.h"
#include "lib/varlink/frames.h"
#include "lib/varlink/message.h"

struct varlink_client {
	struct frames in;
	struct frames out;
	int fd;
	bool waiting; /* a call is not answered yet */
	bool more;    /* it may be answered several times */
	bool broken;  /* the stream has ended or cannot be understood any more */
};

int varlink_client_connect(const char *path, struct varlink_client **ret_client, struct error *err)
{
	cleanup_close int fd = -1;
	struct varlink_client *c;

	fd = fd_unix_connect(path, SOCK_STREAM);
	if (fd < 0)
		return error_set(err, fd, "cannot connect to \"%s\": %s", path, strerror(-fd));
	c = calloc(1, sizeof(*c));
	if (!c)
		return error_set(err, -ENOMEM, "out of memory");
	frames_init(&c->in, VARLINK_MESSAGE_MAX);
	frames_init(&c->out, VARLINK_MESSAGE_MAX);
	c->fd = steal_fd(&fd);
	*ret_client = c;
	return 0;
}

void varlink_client_free(struct varlink_client *c)
{
	if (!c)
		return;
	close_fd(&c->fd);
	frames_done(&c->in);
	frames_done(&c->out);
	free(c);
}

int varlink_client_fd(const struct varlink_client *c)
{
	return c->fd;
}

static int client_wait(struct varlink_client *c, short events, usec_t deadline_usec)
{
	struct pollfd p = {.fd = c->fd, .events = events};
	int r;

	do {
		r = poll(&p, 1, clock_msec_until(deadline_usec));
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	return r == 0 ? -ETIMEDOUT : 0;
}

static int client_flush(struct varlink_client *c, usec_t deadline_usec)
{
	while (frames_len(&c->out) > 0) {
		ssize_t n =
			send(c->fd, c->out.data + c->out.start, frames_len(&c->out), MSG_NOSIGNAL);
		int r = 0;

		if (n >= 0)
			frames_sent(&c->out, (size_t)n);
		else if (errno == EAGAIN)
			r = client_wait(c, POLLOUT, deadline_usec);
		else if (errno != EINTR)
			r = -errno;
		if (r < 0)
			return r;
	}
	return 0;
}

static int client_read(struct varlink_client *c)
{
	char *room;
	size_t size;
	ssize_t n;
	int r;

	r = frames_room(&c->in, &room, &size);
	if (r < 0)
		return r;
	n = recv(c->fd, room, size, 0);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;
	frames_received(&c->in, (size_t)n);
	return 0;
}

static int client_receive(struct varlink_client *c, usec_t deadline_usec,
			  struct message_reply *ret_reply, struct error *err)
{
	const char *text;
	size_t n;
	int r;

	while (!frames_next(&c->in, &text, &n)) {
		r = client_wait(c, POLLIN, deadline_usec);
		if (r == 0)
			r = client_read(c);
		if (r == -ETIMEDOUT)
			return error_set(err, r, "no answer in time");
		if (r < 0)
			return error_set(err, r, "the connection ended before the answer: %s",
					 strerror(-r));
	}
	return message_reply_parse(text, n, ret_reply, err);
}

/* Takes @parameters over in every case. */
static int client_send(struct varlink_client *c, const char *method, json_t *parameters,
		       unsigned flags, usec_t deadline_usec, struct error *err)
{
	cleanup_json json_t *message = message_call_new(method, parameters, flags);
	int r;

	if (c->broken)
		return error_set(err, -ECONNRESET, "the connection has ended");
	if (c->waiting)
		return error_set(err, -EBUSY, "an earlier call is not answered yet");
	r = message ? frames_append(&c->out, message) : -ENOMEM;
	if (r < 0)
		return error_set(err, r, "cannot send the call: %s", strerror(-r));
	c->waiting = !(flags & MESSAGE_ONEWAY);
	c->more = flags & MESSAGE_MORE;
	r = client_flush(c, deadline_usec);
	c->broken = r < 0;
	if (r < 0)
		return error_set(err, r, "cannot send the call: %s", strerror(-r));
	return 0;
}

int varlink_client_call(struct varlink_client *c, const char *method, json_t *parameters,
			usec_t deadline_usec, json_t **ret_reply, struct error *err)
{
	int r = client_send(c, method, parameters, 0, deadline_usec, err);

	return r < 0 ? r : varlink_client_next(c, deadline_usec, ret_reply, err);
}

int varlink_client_tell(struct varlink_client *c, const char *method, json_t *parameters,
			usec_t deadline_usec, struct error *err)
{
	return client_send(c, method, parameters, MESSAGE_ONEWAY, deadline_usec, err);
}

int varlink_client_begin(struct varlink_client *c, const char *method, json_t *parameters,
			 struct error *err)
{
	return client_send(c, method, parameters, MESSAGE_MORE, USEC_INFINITY, err);
}

int varlink_client_next(struct varlink_client *c, usec_t deadline_usec, json_t **ret_reply,
			struct error *err)
{
	cleanup_message_reply struct message_reply reply = {0};
	int r;

	if (!c->waiting || c->broken)
		return error_set(err, -ECONNRESET, "there is no call to wait for");
	r = client_receive(c, deadline_usec, &reply, err);
	if (r == 0 && reply.continues && !c->more)
		r = error_set(err, -EBADMSG, "an answer came that nobody asked for");
	if (r == -ETIMEDOUT)
		return r;
	c->waiting = r == 0 && reply.continues && !reply.error;
	c->broken = r < 0;
	if (r < 0)
		return r;
	if (reply.error)
		return message_reply_error(&reply, err);
	*ret_reply = json_incref(reply.parameters);
	return reply.continues;
}
