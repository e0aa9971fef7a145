/* SPDX-License-Identifier: MIT */
#include "lib/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/*
 * File descriptors: their flags, messages that carry others, and Unix sockets by path.
 *
 * A Unix address holds 107 bytes, and a home folder is soon longer than that. What does not fit is
 * reached through /proc/self/fd/N/NAME, where N is the folder: the same file, a short address. The
 * obvious ways are worse: chdir(2) is global to the process, and a symbolic link elsewhere can be
 * replaced by somebody else.
 *
 * The permissions of a listening socket are given to the socket before bind(2), so that there is no
 * moment in which a wider umask lets a stranger in, and to the file after it, so that a narrower
 * umask keeps nobody out.
 */

#define LISTEN_BACKLOG SOMAXCONN

/* SO_PEERGROUPS answers with as many as the peer has; nobody has more than NGROUPS_MAX. */
#define PEER_GROUPS_MAX 65536

int fd_set_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);
	int wanted;

	if (flags < 0)
		return -errno;
	wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	if (wanted != flags && fcntl(fd, F_SETFL, wanted) < 0)
		return -errno;
	return 0;
}

int fd_set_cloexec(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFD);
	int wanted;

	if (flags < 0)
		return -errno;
	wanted = on ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC;
	if (wanted != flags && fcntl(fd, F_SETFD, wanted) < 0)
		return -errno;
	return 0;
}

int fd_write_all(int fd, const void *data, size_t n_bytes)
{
	const char *p = data;

	while (n_bytes > 0) {
		ssize_t n = write(fd, p, n_bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
		p += n;
		n_bytes -= (size_t)n;
	}
	return 0;
}

ssize_t fd_read_at(int fd, void *data, size_t n_bytes, uint64_t offset)
{
	size_t done = 0;

	while (done < n_bytes) {
		ssize_t n = pread(fd, (char *)data + done, n_bytes - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int fd_send(int sock, const void *data, size_t n_bytes, const int *fds, size_t n_fds)
{
	union {
		char bytes[CMSG_SPACE(FD_SEND_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = (void *)data, .iov_len = n_bytes};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	/* A message of no bytes would look like the end of the connection. */
	if (n_bytes == 0 || n_fds > FD_SEND_MAX)
		return -EINVAL;
	if (n_fds > 0) {
		struct cmsghdr *c;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	do {
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == n_bytes ? 0 : -EMSGSIZE;
}

/* Moves the descriptors of one control message to @fds and closes those that do not fit. */
static void take_fds(struct cmsghdr *c, int *fds, size_t fds_max, size_t *n_fds)
{
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
		if (*n_fds < fds_max)
			fds[(*n_fds)++] = fd;
		else
			close_fd(&fd);
	}
}

ssize_t fd_receive(int sock, void *data, size_t size, int *fds, size_t fds_max, size_t *ret_n_fds)
{
	/* Room for credentials too, which arrive first when somebody has set SO_PASSCRED. */
	union {
		char bytes[CMSG_SPACE(FD_SEND_MAX * sizeof(int)) +
			   CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = data, .iov_len = size};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control),
	};
	size_t n_fds = 0;
	ssize_t n;

	do {
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			take_fds(c, fds, fds_max, &n_fds);
	}
	if (msg.msg_flags & MSG_TRUNC) {
		while (n_fds > 0)
			close_fd(&fds[--n_fds]);
		return -EMSGSIZE;
	}
	*ret_n_fds = n_fds;
	return n;
}

bool fd_socket_path_fits(const char *path)
{
	return strlen(path) < sizeof(((struct sockaddr_un *)NULL)->sun_path);
}

/*
 * Makes an address for @path. *ret_folder is the descriptor that a long one goes through, to be
 * closed after the address was used, or -1.
 */
static int unix_address(const char *path, struct sockaddr_un *ret_addr, int *ret_folder)
{
	const char *slash = strrchr(path, '/');
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	cleanup_close int folder = -1;
	cleanup_free char *name = NULL;
	int n;

	if (path[0] == '\0')
		return -ENOENT;
	if (fd_socket_path_fits(path)) {
		memcpy(addr.sun_path, path, strlen(path) + 1);
		*ret_addr = addr;
		*ret_folder = -1;
		return 0;
	}
	if (!slash) /* one component of more than 107 bytes */
		return -ENAMETOOLONG;
	name = strndup(path, (size_t)(slash - path) + 1);
	if (!name)
		return -ENOMEM;
	folder = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	n = snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/%s", folder,
		     slash + 1);
	if (n < 0 || (size_t)n >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	*ret_addr = addr;
	*ret_folder = steal_fd(&folder);
	return 0;
}

static int unix_bind(int sock, const struct sockaddr_un *addr)
{
	struct stat st;

	if (bind(sock, (const struct sockaddr *)addr, sizeof(*addr)) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return -errno;
	/* What an earlier life left there is replaced, but only if it is a socket. */
	if (lstat(addr->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return -EADDRINUSE;
	if (unlink(addr->sun_path) < 0 && errno != ENOENT)
		return -errno;
	if (bind(sock, (const struct sockaddr *)addr, sizeof(*addr)) < 0)
		return -errno;
	return 0;
}

int fd_unix_listen(const char *path, int type, mode_t mode)
{
	struct sockaddr_un addr;
	cleanup_close int folder = -1;
	cleanup_close int sock = -1;
	int r;

	r = unix_address(path, &addr, &folder);
	if (r < 0)
		return r;
	sock = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock < 0)
		return -errno;
	if (fchmod(sock, mode) < 0)
		return -errno;
	r = unix_bind(sock, &addr);
	if (r < 0)
		return r;
	if (chmod(addr.sun_path, mode) < 0 || listen(sock, LISTEN_BACKLOG) < 0) {
		r = -errno;
		(void)unlink(addr.sun_path);
		return r;
	}
	return steal_fd(&sock);
}

int fd_unix_connect(const char *path, int type)
{
	struct sockaddr_un addr;
	cleanup_close int folder = -1;
	cleanup_close int sock = -1;
	int r;

	r = unix_address(path, &addr, &folder);
	if (r < 0)
		return r;
	sock = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock < 0)
		return -errno;
	if (connect(sock, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	return steal_fd(&sock);
}

int fd_peer_get(int sock, struct fd_peer *ret_peer)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	*ret_peer = (struct fd_peer){.pid = cred.pid, .uid = cred.uid, .gid = cred.gid};
	return 0;
}

bool fd_peer_in_group(int sock, const struct fd_peer *peer, gid_t gid)
{
	cleanup_free gid_t *groups = NULL;
	socklen_t len = 0;

	if (peer->gid == gid)
		return true;
	/* The first call, without room, tells how much is needed. */
	if (getsockopt(sock, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0 || errno != ERANGE)
		return false;
	if (len > PEER_GROUPS_MAX * sizeof(gid_t))
		return false;
	groups = malloc(len);
	if (!groups || getsockopt(sock, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
		return false;
	for (size_t i = 0; i < len / sizeof(gid_t); i++) {
		if (groups[i] == gid)
			return true;
	}
	return false;
}
