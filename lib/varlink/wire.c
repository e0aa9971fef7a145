/* SPDX-License-Identifier: MIT */
/*
 * A connected socket on the loop that speaks in messages, with back-pressure in both directions.
 *
 * What it keeps true:
 *  - A peer that does not read cannot make us grow. While more than WIRE_OUT_MAX waits to go out
 *    to one that is answered, or while the owner blocks the wire, no message is handed out; and
 *    while a complete message waits, nothing is read. What a peer sends on top stays in the kernel,
 *    and stops it there. An owner who sends by itself is told at WIRE_OUT_MAX, and refused later.
 *  - What a peer has sent completely is handed out, even if it has hung up meanwhile; and what
 *    waits for a peer that has only ended its own side (`printf … | nc -N`) still goes out.
 *  - The owner is called by the loop only, from wire_work(), never from wire_send() or
 *    wire_block(). It may free the wire wherever it is called: the memory goes when wire_work()
 *    has returned.
 *  - A peer that hung up is noticed in every state. The socket is registered edge-triggered, and
 *    what it can do is remembered in two flags: a level-triggered one must be taken out of epoll
 *    while it is paused, and then nobody says that the peer is gone. Its price is one recv(2) that
 *    answers EAGAIN per burst.
 *  - SIGPIPE cannot happen, whatever the program does with the signal. A bufferevent writes with
 *    writev(2), which has no MSG_NOSIGNAL: therefore there is none here.
 */
#include "lib/varlink/wire.h"

#include <event2/event.h>
#include <poll.h>
#include <sys/socket.h>

#include "lib/loop.h"
#include "lib/varlink/frames.h"

/** Messages handed out before other connections have their turn. */
#define WIRE_TURN_MAX 64

struct wire {
	const struct wire_events *events;
	void *userdata;
	struct event *input;     /* always registered: it brings the end as well */
	struct event *output;    /* registered while the kernel takes no more */
	struct loop_timer again; /* work is left for the next turn */
	struct frames in;
	struct frames out;
	int fd;
	bool readable; /* the kernel may have bytes for us */
	bool stuck;    /* the kernel takes no more bytes of ours */
	bool blocked;  /* the owner wants no message now */
	bool was_full; /* the owner was told to wait for drained */
	bool eof;      /* nothing more will be read */
	bool deaf;     /* nobody will read what we send */
	bool ended;    /* the owner knows */
	bool working;
	bool dead; /* freed by its owner while working */
};

/* The shutdown tells a peer that is still there, and the loop: it brings a last edge. */
static void wire_set_deaf(struct wire *w)
{
	w->deaf = true;
	w->stuck = false;
	frames_done(&w->out);
	(void)shutdown(w->fd, SHUT_RDWR);
}

/* POLLHUP says that both directions are shut down: the peer closed, or its process ended. */
static bool wire_hung_up(const struct wire *w)
{
	struct pollfd p = {.fd = w->fd};

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR));
}

/* Sends what the kernel takes; any error but a full socket means that nobody listens. */
static void wire_flush(struct wire *w)
{
	while (frames_len(&w->out) > 0 && !w->stuck) {
		ssize_t n = send(w->fd, w->out.data + w->out.start, frames_len(&w->out),
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0) {
			frames_sent(&w->out, (size_t)n);
		} else if (errno == EAGAIN) {
			w->stuck = true;
			if (event_add(w->output, NULL) < 0)
				wire_set_deaf(w);
		} else if (errno != EINTR) {
			wire_set_deaf(w);
		}
	}
}

/* Return: whether anything new is known. */
static bool wire_read(struct wire *w)
{
	char *room;
	size_t size;
	ssize_t n;

	if (!w->readable || w->eof)
		return false;
	if (frames_room(&w->in, &room, &size) < 0) {
		w->eof = true;
		return true;
	}
	n = recv(w->fd, room, size, MSG_DONTWAIT);
	if (n > 0) {
		frames_received(&w->in, (size_t)n);
	} else if (n < 0 && errno == EAGAIN) {
		w->readable = false;
		return false;
	} else if (n == 0 || errno != EINTR) {
		w->eof = true;
	}
	return true;
}

static bool wire_may_hand_out(const struct wire *w)
{
	bool full = frames_len(&w->out) > WIRE_OUT_MAX;

	return !w->blocked && !(full && w->events->answers);
}

static bool wire_has_drained(const struct wire *w)
{
	return w->was_full && !w->deaf && frames_len(&w->out) == 0;
}

/* Return: whether a message was handed out, read or sent, so that there may be more to do. */
static bool wire_step(struct wire *w)
{
	size_t waiting = frames_len(&w->out);
	const char *text;
	size_t n;

	if (wire_may_hand_out(w) && frames_next(&w->in, &text, &n)) {
		w->events->message(text, n, w->userdata);
		return true;
	}
	if (!frames_waiting(&w->in) && wire_read(w))
		return true;
	wire_flush(w);
	if (wire_has_drained(w)) {
		w->was_full = false;
		if (w->events->drained)
			w->events->drained(w->userdata);
		return true;
	}
	return frames_len(&w->out) < waiting;
}

/* What nobody will hear needs no answer; what was heard completely is done all the same. */
static void wire_tell_end(struct wire *w)
{
	if (w->eof && !w->deaf && wire_hung_up(w))
		wire_set_deaf(w);
	if (w->deaf && w->blocked && w->events->deaf)
		w->events->deaf(w->userdata);
	if (w->dead || w->ended || !w->eof || w->blocked)
		return;
	/* No message waits in here: the end is not read before all are handed out. */
	if (frames_len(&w->out) > 0)
		return;
	w->ended = true;
	w->events->ended(w->userdata);
}

static void wire_destroy(struct wire *w)
{
	loop_timer_done(&w->again);
	if (w->input)
		event_free(w->input);
	if (w->output)
		event_free(w->output);
	frames_done(&w->in);
	frames_done(&w->out);
	close_fd(&w->fd);
	free(w);
}

/* Whether the next turn has something to do that no edge will announce. */
static bool wire_has_work(struct wire *w)
{
	if (w->ended)
		return false;
	if (wire_has_drained(w))
		return true;
	if (wire_may_hand_out(w) && frames_waiting(&w->in))
		return true;
	if (w->readable && !w->eof && !frames_waiting(&w->in))
		return true;
	return w->eof && !w->blocked && frames_len(&w->out) == 0;
}

static void wire_again(struct wire *w)
{
	/* Without memory for a timer there is no way on: the peer sees its connection end. */
	if (wire_has_work(w) && loop_timer_set(&w->again, 0) < 0)
		(void)shutdown(w->fd, SHUT_RDWR);
}

static void wire_work(struct wire *w)
{
	bool more = true;

	w->working = true;
	for (int i = 0; i < WIRE_TURN_MAX && more && !w->dead; i++)
		more = wire_step(w);
	if (!w->dead)
		wire_flush(w);
	if (!w->dead)
		wire_tell_end(w);
	w->working = false;
	if (w->dead)
		wire_destroy(w);
	else
		wire_again(w);
}

static void on_input(evutil_socket_t fd, short what, void *userdata)
{
	struct wire *w = userdata;

	/* While nothing is read only this edge can say that the peer has gone. */
	if ((w->eof || frames_waiting(&w->in)) && !w->deaf && wire_hung_up(w))
		wire_set_deaf(w);
	w->readable = true;
	wire_work(w);
}

static void on_output(evutil_socket_t fd, short what, void *userdata)
{
	struct wire *w = userdata;

	w->stuck = false;
	wire_work(w);
}

static void on_again(void *userdata)
{
	wire_work(userdata);
}

int wire_new(struct loop *l, int fd, size_t max, const struct wire_events *events, void *userdata,
	     struct wire **ret_wire)
{
	struct wire *w = calloc(1, sizeof(*w));
	int r = -ENOMEM;

	if (!w)
		return -ENOMEM;
	w->fd = -1;
	w->events = events;
	w->userdata = userdata;
	frames_init(&w->in, max);
	frames_init(&w->out, VARLINK_MESSAGE_MAX);
	w->input = event_new(loop_base(l), fd, EV_READ | EV_PERSIST | EV_ET, on_input, w);
	w->output = event_new(loop_base(l), fd, EV_WRITE | EV_ET, on_output, w);
	if (w->input && w->output)
		r = loop_timer_init(&w->again, l, on_again, w);
	if (r == 0 && event_add(w->input, NULL) < 0)
		r = -ENOMEM;
	if (r < 0) {
		wire_destroy(w);
		return r;
	}
	w->fd = fd;
	*ret_wire = w;
	return 0;
}

void wire_free(struct wire *w)
{
	if (!w)
		return;
	if (!w->working) {
		wire_destroy(w);
		return;
	}
	w->dead = true;
}

/* What was appended goes out: now, or, in the loop's hands already, in one send(2) with all that
 * this turn answers. */
static void wire_push(struct wire *w)
{
	if (w->working)
		return;
	wire_flush(w);
	wire_again(w);
}

int wire_send(struct wire *w, const json_t *message)
{
	int r;

	if (w->deaf)
		return 0;
	if (frames_len(&w->out) > WIRE_OUT_STOP)
		return -ENOBUFS;
	r = frames_append(&w->out, message);
	if (r == 0)
		wire_push(w);
	return r;
}

int wire_send_parts(struct wire *w, const struct frames_part *parts, size_t n_parts)
{
	int r;

	if (w->deaf)
		return 0;
	if (frames_len(&w->out) > WIRE_OUT_STOP)
		return -ENOBUFS;
	r = frames_append_parts(&w->out, parts, n_parts);
	if (r == 0)
		wire_push(w);
	return r;
}

bool wire_full(struct wire *w)
{
	if (frames_len(&w->out) > WIRE_OUT_MAX)
		w->was_full = true;
	return w->was_full;
}

void wire_block(struct wire *w, bool on)
{
	w->blocked = on;
	if (!on && !w->working)
		wire_again(w);
}

void wire_hang_up(struct wire *w)
{
	w->eof = true;
	frames_done(&w->in);
	if (!w->working)
		wire_again(w);
}

void wire_abort(struct wire *w)
{
	wire_set_deaf(w);
	wire_hang_up(w);
}
