/* SPDX-License-Identifier: MIT */

/*
 * The control socket's connections. Nothing is ever queued here: a frame goes into the kernel's
 * buffer or the peer is dropped, and since whoever connects is greeted with the whole truth, a
 * dropped peer has lost nothing when it comes back. So a subscriber that hangs can neither block
 * the keeper nor make it grow.
 *
 * The supervisor binds the socket before the keeper exists, so that a peer can connect at once; the
 * keeper calls listen() on it again, which is what makes SO_PEERCRED on the other side name the
 * keeper.
 */

#include "supervisor/keeper/control.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "supervisor/keeper/address.h"
#include "supervisor/keeper/request.h"
#include "supervisor/keeper/text.h"

#define BACKLOG 16
#define NEW_SUFFIX ".new"

void control_init(struct control *c)
{
	*c = (struct control){.listener = -1};
	for (size_t i = 0; i < CONTROL_PEERS_MAX; i++)
		c->peers[i].fd = -1;
}

int control_listen(struct control *c, int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	if (listen(fd, BACKLOG) < 0)
		return -errno;
	c->listener = fd;
	return 0;
}

static bool is_answered(const struct sockaddr_un *address)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
			   errno == EAGAIN);
}

int control_bind(struct control *c, const char *path)
{
	cleanup_close int folder = -1;
	cleanup_close int new_folder = -1;
	cleanup_close int fd = -1;
	struct sockaddr_un address;
	struct sockaddr_un new;
	mode_t mask;
	int r = address_make(path, "", &address, &folder);

	if (r == 0)
		r = address_make(path, NEW_SUFFIX, &new, &new_folder);
	if (r < 0)
		return r;
	if (is_answered(&address))
		return -EADDRINUSE;
	if (unlink(new.sun_path) < 0 && errno != ENOENT)
		return -errno;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mask = umask(0177);
	r = bind(fd, (struct sockaddr *)&new, sizeof(new)) < 0 ? -errno : 0;
	(void)umask(mask);
	if (r == 0)
		r = control_listen(c, fd);
	/* Only now it gets its name: who finds it can connect. */
	if (r == 0 && rename(new.sun_path, path) < 0)
		r = -errno;
	if (r == 0)
		ignore_result(steal_fd(&fd));
	else
		c->listener = -1;
	return r;
}

static bool is_allowed(int fd)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 &&
	       (who.uid == 0 || who.uid == geteuid());
}

/* A free place, or that of the oldest peer that only asks. NULL: all of them have subscribed. */
static struct control_peer *find_place(struct control *c)
{
	struct control_peer *oldest = NULL;

	for (size_t i = 0; i < CONTROL_PEERS_MAX; i++) {
		struct control_peer *peer = &c->peers[i];

		if (peer->fd < 0)
			return peer;
		if (!peer->is_subscribed && (!oldest || peer->age < oldest->age))
			oldest = peer;
	}
	return oldest;
}

struct control_peer *control_accept(struct control *c)
{
	cleanup_close int fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct control_peer *peer;

	if (fd < 0 || !is_allowed(fd))
		return NULL;
	peer = find_place(c);
	if (!peer)
		return NULL;
	close_fd(&peer->fd);
	*peer = (struct control_peer){.fd = steal_fd(&fd), .age = c->n_accepted++};
	return peer;
}

static void drop(struct control_peer *peer)
{
	close_fd(&peer->fd);
	peer->is_subscribed = false;
}

static void take_fds(struct msghdr *message, struct control_words *w)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(message);
	size_t bytes;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return;
	bytes = c->cmsg_len - CMSG_LEN(0);
	w->n_fds = MIN_OF(bytes / sizeof(int), (size_t)KEEPER_FDS_MAX);
	memcpy(w->fds, CMSG_DATA(c), w->n_fds * sizeof(int));
}

int control_read(struct control_peer *peer, struct control_words *ret_words)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * KEEPER_FDS_MAX)];
	} control;
	struct iovec part = {.iov_base = &ret_words->request,
			     .iov_len = sizeof(ret_words->request)};
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(peer->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int r;

	ret_words->n_fds = 0;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		drop(peer);
		return 0;
	}
	take_fds(&message, ret_words);
	r = message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)
		    ? -EPROTO
		    : request_check(&ret_words->request, (size_t)n, ret_words->n_fds);
	if (r == 0)
		return 1;
	if (r == -EPROTO)
		drop(peer);
	else
		control_answer(peer, ret_words->request.serial, r);
	control_words_done(ret_words);
	return 0;
}

void control_words_done(struct control_words *w)
{
	for (size_t i = 0; i < w->n_fds; i++)
		close_fd(&w->fds[i]);
	w->n_fds = 0;
}

void control_send(struct control_peer *peer, const void *frame, size_t len, const int *fds,
		  size_t n_fds)
{
	struct iovec part = {.iov_base = (void *)frame, .iov_len = len};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int) * KEEPER_FDS_MAX)];
	} control = {0};

	if (peer->fd < 0)
		return;
	if (n_fds > 0) {
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(&control.head), fds, sizeof(int) * n_fds);
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
	}
	if (sendmsg(peer->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		drop(peer);
}

void control_answer(struct control_peer *peer, uint32_t serial, int result)
{
	struct keeper_answer answer = {
		.header = control_header(KEEPER_MESSAGE_ANSWER),
		.serial = serial,
		.result = result,
	};

	control_send(peer, &answer, sizeof(answer), NULL, 0);
}

void control_publish(struct control *c, const void *frame, size_t len,
		     const struct control_peer *except)
{
	for (size_t i = 0; i < CONTROL_PEERS_MAX; i++) {
		if (c->peers[i].is_subscribed && &c->peers[i] != except)
			control_send(&c->peers[i], frame, len, NULL, 0);
	}
}

bool control_has_subscriber(const struct control *c)
{
	for (size_t i = 0; i < CONTROL_PEERS_MAX; i++) {
		if (c->peers[i].is_subscribed)
			return true;
	}
	return false;
}

struct keeper_header control_header(enum keeper_message message)
{
	return (struct keeper_header){
		.magic = KEEPER_MAGIC,
		.version = KEEPER_VERSION,
		.message = (uint16_t)message,
	};
}
