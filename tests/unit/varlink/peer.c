/* SPDX-License-Identifier: MIT */
#include "tests/unit/varlink/peer.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "lib/fd.h"

void peer_connect(struct peer *p, const char *path)
{
	frames_init(&p->in, VARLINK_MESSAGE_MAX);
	p->fd = fd_unix_connect(path, SOCK_STREAM);
	assert_true(p->fd >= 0);
}

void peer_done(struct peer *p)
{
	frames_done(&p->in);
	close_fd(&p->fd);
}

static bool peer_wait(struct peer *p, short events, int msec)
{
	struct pollfd poll_fd = {.fd = p->fd, .events = events};

	return poll(&poll_fd, 1, msec) > 0;
}

size_t peer_say_some(struct peer *p, const char *bytes, size_t n)
{
	ssize_t sent = send(p->fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (sent < 0)
		assert_int_equal(errno, EAGAIN);
	return sent < 0 ? 0 : (size_t)sent;
}

void peer_say(struct peer *p, const char *text)
{
	size_t n = strlen(text) + 1;

	while (n > 0) {
		size_t sent = peer_say_some(p, text, n);

		text += sent;
		n -= sent;
		if (n > 0 && !peer_wait(p, POLLOUT, PEER_DEADLINE_MSEC))
			fail_msg("the server takes nothing");
	}
}

/* Return: false when nothing came within @msec, or the stream has ended. */
static bool peer_read(struct peer *p, int msec, bool *ret_ended)
{
	char *room;
	size_t size;
	ssize_t n;

	*ret_ended = false;
	if (!peer_wait(p, POLLIN, msec))
		return false;
	assert_int_equal(frames_room(&p->in, &room, &size), 0);
	n = recv(p->fd, room, size, MSG_DONTWAIT);
	*ret_ended = n == 0 || (n < 0 && errno == ECONNRESET);
	if (n > 0)
		frames_received(&p->in, (size_t)n);
	return n > 0;
}

json_t *peer_hear(struct peer *p)
{
	const char *text;
	json_t *message;
	bool ended;
	size_t n;

	while (!frames_next(&p->in, &text, &n)) {
		if (peer_read(p, PEER_DEADLINE_MSEC, &ended))
			continue;
		if (!ended)
			fail_msg("the server says nothing");
		return NULL;
	}
	message = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(message);
	return message;
}

bool peer_can_hear(struct peer *p)
{
	return peer_wait(p, POLLIN, PEER_DEADLINE_MSEC);
}

bool peer_hears(struct peer *p, int msec)
{
	bool ended;

	while (!frames_waiting(&p->in))
		if (!peer_read(p, msec, &ended))
			return false;
	return true;
}

void peer_assert_hears(struct peer *p, const char *expected)
{
	json_t *message = peer_hear(p);
	char *text;

	assert_non_null(message);
	text = json_dumps(message, JSON_COMPACT);
	assert_string_equal(text, expected);
	free(text);
	json_decref(message);
}

void peer_assert_ended(struct peer *p)
{
	json_t *message = peer_hear(p);

	if (message)
		fail_msg("the server said %s", json_dumps(message, 0));
}

json_t *peer_ask(struct peer *p, const char *text)
{
	json_t *message;

	peer_say(p, text);
	message = peer_hear(p);
	assert_non_null(message);
	return message;
}
