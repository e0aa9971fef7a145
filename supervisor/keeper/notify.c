/* SPDX-License-Identifier: MIT */

/*
 * Where the payload says that it is ready. The address is abstract: no file has to be owned by the
 * service's user, none is left over. Anybody on the host can send to it, so the kernel's word on
 * who sent (SCM_CREDENTIALS) is asked for, and only processes of our own tree, or of the unit's
 * payload, are heard. A sender is looked up in /proc, which works as long as it is not reaped: the
 * loop reads this socket before it reaps.
 *
 * Descriptors that come with a datagram (FDSTORE=, BARRIER=) are not wanted: there is no room for
 * them in the control buffer, and the kernel closes them, which is just what a barrier waits for.
 */

#include "supervisor/keeper/notify.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "supervisor/keeper/tree.h"
#include "supervisor/keeper/unit.h"

/* sd_notify(3) has no bound; what lies beyond this is cut off. */
#define DATAGRAM_BYTES_MAX 2048

static int read_address(struct notify *n, int fd)
{
	struct sockaddr_un name = {0};
	socklen_t len = sizeof(name);
	size_t name_len;

	if (getsockname(fd, (struct sockaddr *)&name, &len) < 0)
		return -errno;
	name_len = len - offsetof(struct sockaddr_un, sun_path);
	if (name_len < 2 || name_len >= sizeof(n->address) || name.sun_path[0] != '\0')
		return -EADDRNOTAVAIL;
	memcpy(n->address, name.sun_path, name_len);
	n->address[0] = '@';
	n->address[name_len] = '\0';
	return 0;
}

int notify_open(struct notify *n)
{
	struct sockaddr_un any = {.sun_family = AF_UNIX};
	cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, r;

	if (fd < 0)
		return -errno;
	/* No name: the kernel chooses a free abstract one. */
	if (bind(fd, (struct sockaddr *)&any, sizeof(any.sun_family)) < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		return -errno;
	r = read_address(n, fd);
	if (r == 0)
		n->fd = steal_fd(&fd);
	return r;
}

int notify_adopt(struct notify *n, int fd)
{
	int r = read_address(n, fd);

	if (r == 0)
		n->fd = fd;
	return r;
}

static pid_t sender_of(struct msghdr *message)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(message);
	struct ucred who;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS ||
	    c->cmsg_len < CMSG_LEN(sizeof(who)))
		return 0;
	memcpy(&who, CMSG_DATA(c), sizeof(who));
	return who.pid;
}

static bool is_heard(const struct notify *n, pid_t only, pid_t sender)
{
	if (only > 0)
		return sender == only;
	return n->is_unit ? unit_has(sender) : tree_has(getpid(), sender);
}

int notify_read(struct notify *n, pid_t only, struct notice *ret_notice)
{
	char text[DATAGRAM_BYTES_MAX];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec part = {.iov_base = text, .iov_len = sizeof(text)};
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t len = recvmsg(n->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	pid_t sender;

	if (len < 0)
		return errno == EAGAIN || errno == EINTR ? NOTIFY_NOTHING : -errno;
	sender = sender_of(&message);
	if (sender <= 0 || !is_heard(n, only, sender))
		return NOTIFY_STRANGER;
	notice_parse(text, (size_t)len, ret_notice);
	return NOTIFY_NOTICE;
}
