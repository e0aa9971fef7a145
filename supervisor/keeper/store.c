/* SPDX-License-Identifier: MIT */

/*
 * The service manager's file descriptor store: what lies there outlives this process, and comes to
 * the next one as LISTEN_FDS. Only what is the same for all lives is put there, once: each entry
 * costs the manager, which is one for the whole host, a wake-up. What changes with the lives goes
 * through a mailbox that lies there (mailbox.c).
 *
 * libsystemd would be one function call, and a library in the one program that links none.
 */

#include "supervisor/keeper/store.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "supervisor/keeper/text.h"

#define MESSAGE_MAX 128

static int find_manager(struct sockaddr_un *ret_address, socklen_t *ret_bytes)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;

	if (len == 0)
		return -ENOTCONN;
	if ((path[0] != '/' && path[0] != '@') || len >= sizeof(ret_address->sun_path))
		return -EAFNOSUPPORT;
	*ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(ret_address->sun_path, path, len);
	if (path[0] == '@')
		ret_address->sun_path[0] = '\0';
	*ret_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	return 0;
}

static int tell(const char *text, int fd)
{
	struct sockaddr_un address;
	struct iovec part = {.iov_base = (char *)text, .iov_len = strlen(text)};
	struct msghdr message = {.msg_name = &address, .msg_iov = &part, .msg_iovlen = 1};
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	cleanup_close int sock = -1;
	int r = find_manager(&address, &message.msg_namelen);

	if (r < 0)
		return r;
	if (fd >= 0) {
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -errno;
	return sendmsg(sock, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int store_put(const char *name, int fd)
{
	char text[MESSAGE_MAX];
	int r;

	text_format(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	r = tell(text, -1);
	if (r < 0)
		return r;
	/* Not polled for us: it is no business of the manager's when somebody writes into it. */
	text_format(text, sizeof(text), "FDSTORE=1\nFDNAME=%s\nFDPOLL=0", name);
	return tell(text, fd);
}

int store_say_ready(void)
{
	return tell("READY=1", -1);
}
