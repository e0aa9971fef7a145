/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"

/** fd_set_nonblock() - set or clear O_NONBLOCK; Return: 0 or negative errno */
must_check int fd_set_nonblock(int fd, bool on);

/** fd_set_cloexec() - set or clear FD_CLOEXEC; Return: 0 or negative errno */
must_check int fd_set_cloexec(int fd, bool on);

/**
 * fd_write_all() - write everything to a blocking descriptor, going on after EINTR
 *
 * Return: 0 or negative errno.
 */
must_check int fd_write_all(int fd, const void *data, size_t n_bytes);

/**
 * fd_read_at() - read all of @n_bytes at a place of a file, or what there is before its end
 *
 * Return: bytes or negative errno.
 */
must_check ssize_t fd_read_at(int fd, void *data, size_t n_bytes, uint64_t offset);

/**
 * fd_send() - one SEQPACKET message with descriptors (SCM_RIGHTS), without SIGPIPE
 * @sock:  non-blocking or not
 * @data:  @n_bytes of message
 * @fds:   @n_fds descriptors to pass, at most FD_SEND_MAX; borrowed
 *
 * Return: 0, or negative errno (-EAGAIN when the peer's queue is full).
 */
must_check int fd_send(int sock, const void *data, size_t n_bytes, const int *fds, size_t n_fds);

#define FD_SEND_MAX 32

/**
 * fd_receive() - one SEQPACKET message with descriptors, MSG_CMSG_CLOEXEC
 * @data:       room for @size bytes
 * @fds:        room for @fds_max descriptors; those that do not fit are closed
 * @ret_n_fds:  how many arrived; the caller owns them
 *
 * Return: bytes received, 0 at end of file, -EMSGSIZE when cut short, or another negative errno.
 */
must_check ssize_t fd_receive(int sock, void *data, size_t size, int *fds, size_t fds_max,
			      size_t *ret_n_fds);

/**
 * fd_socket_path_fits() - whether a Unix socket path fits into sockaddr_un (107 bytes)
 */
bool fd_socket_path_fits(const char *path);

/**
 * fd_unix_listen() - bind and listen on a Unix socket; an old socket file there is replaced
 * @path: any length: longer ones are reached through a descriptor of their folder
 * @type: SOCK_STREAM or SOCK_SEQPACKET
 * @mode: permissions of the socket file
 *
 * Return: a CLOEXEC, NONBLOCK descriptor or negative errno.
 */
must_check int fd_unix_listen(const char *path, int type, mode_t mode);

/**
 * fd_unix_connect() - connect to a Unix socket
 * @path: any length
 * @type: SOCK_STREAM or SOCK_SEQPACKET
 *
 * Context: blocks only as long as the peer's backlog is full; -EAGAIN instead on a full backlog.
 * Return: a CLOEXEC, NONBLOCK descriptor or negative errno.
 */
must_check int fd_unix_connect(const char *path, int type);

/** struct fd_peer - who is at the other end of a Unix socket (SO_PEERCRED) */
struct fd_peer {
	pid_t pid;
	uid_t uid;
	gid_t gid;
};

/** fd_peer_get() - read SO_PEERCRED; Return: 0 or negative errno */
must_check int fd_peer_get(int sock, struct fd_peer *ret_peer);

/**
 * fd_peer_in_group() - whether the peer has @gid as its primary or a supplementary group
 * (SO_PEERGROUPS)
 */
bool fd_peer_in_group(int sock, const struct fd_peer *peer, gid_t gid);
