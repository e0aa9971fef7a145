/* SPDX-License-Identifier: MIT */
#include "supervisor/listeners.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* It has a bit field of that name. */
#pragma push_macro("unused")
#undef unused
#include <linux/inet_diag.h>
#pragma pop_macro("unused")

#include "lib/text.h"

/*
 * Which service answers on which port. The kernel lists the sockets that listen, with their inodes
 * but not their owners; /proc/PID/fd has the inodes of a process's descriptors. Both meet here.
 *
 * The sockets come by sock_diag, which looks at nothing but those that listen, and not from
 * /proc/net/tcp, which has a line for each connection of the machine. That a socket also knows its
 * cgroup (INET_DIAG_CGROUP_ID) is of no use to us: one that was bound for a service and passed to
 * it carries ours.
 */

/** Descriptors of a process that are looked at. */
#define FDS_MAX 512
#define REPLY_BYTES ((size_t)16 * 1024)

static int ask(int netlink, uint8_t family)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 diag;
	} request = {
		.head = {.nlmsg_len = sizeof(request),
			 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.diag = {.sdiag_family = family,
			 .sdiag_protocol = IPPROTO_TCP,
			 .idiag_states = 1 << TCP_LISTEN},
	};

	return send(netlink, &request, sizeof(request), 0) < 0 ? -errno : 0;
}

static int add(struct listeners *l, const struct inet_diag_msg *socket)
{
	if (l->n == l->room) {
		size_t room = l->room ? l->room * 2 : 32;
		struct listener *all = reallocarray(l->all, room, sizeof(*all));

		if (!all)
			return -ENOMEM;
		l->all = all;
		l->room = room;
	}
	l->all[l->n++] = (struct listener){
		.inode = socket->idiag_inode,
		.port = ntohs(socket->id.idiag_sport),
	};
	return 0;
}

/* One datagram of the answer. Return: 1 when more follow, 0 at the end, negative errno. */
static int take(struct listeners *l, const struct nlmsghdr *message, size_t len)
{
	for (; NLMSG_OK(message, len); message = NLMSG_NEXT(message, len)) {
		int r;

		if (message->nlmsg_type == NLMSG_DONE)
			return 0;
		if (message->nlmsg_type == NLMSG_ERROR)
			return -EOPNOTSUPP; /* no such family in this kernel */
		r = add(l, NLMSG_DATA(message));
		if (r < 0)
			return r;
	}
	return 1;
}

static int load_family(struct listeners *l, int netlink, uint8_t family)
{
	cleanup_free char *reply = malloc(REPLY_BYTES);
	int r = reply ? ask(netlink, family) : -ENOMEM;
	bool more = r == 0;

	while (more) {
		ssize_t n = recv(netlink, reply, REPLY_BYTES, 0);

		r = n < 0 ? -errno : take(l, (const struct nlmsghdr *)reply, (size_t)n);
		more = r == 1;
	}
	return r;
}

static int by_inode(const void *a, const void *b)
{
	const struct listener *one = a;
	const struct listener *other = b;

	return (one->inode > other->inode) - (one->inode < other->inode);
}

int listeners_load(struct listeners *ret)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	cleanup_close int netlink =
		socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	struct listeners l = {0};
	int r = netlink < 0 ? -errno : 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(families); i++) {
		r = load_family(&l, netlink, families[i]);
		/* A machine without IPv6 has no listeners in it. */
		r = r == -EOPNOTSUPP ? 0 : r;
	}
	if (r < 0) {
		listeners_done(&l);
		return r;
	}
	if (l.n > 0)
		qsort(l.all, l.n, sizeof(*l.all), by_inode);
	*ret = l;
	return 0;
}

void listeners_done(struct listeners *l)
{
	free(l->all);
	*l = (struct listeners){0};
}

static size_t add_port(uint16_t port, uint16_t *ports, size_t n, size_t max)
{
	size_t at = 0;

	while (at < n && ports[at] < port)
		at++;
	if (n == max || (at < n && ports[at] == port))
		return n;
	memmove(ports + at + 1, ports + at, (n - at) * sizeof(*ports));
	ports[at] = port;
	return n + 1;
}

/* The inode of the socket that a descriptor is, "socket:[4711]"; 0 when it is something else. */
static uint64_t socket_of(int folder, const char *fd)
{
	static const char lead[] = "socket:[";
	char target[64];
	ssize_t n = readlinkat(folder, fd, target, sizeof(target) - 1);

	target[MAX_OF(n, 0)] = '\0';
	return text_starts(target, lead) ? strtoull(target + strlen(lead), NULL, 10) : 0;
}

static void close_dir(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

size_t listeners_of(const struct listeners *l, pid_t pid, uint16_t *ports, size_t n, size_t max)
{
	cleanup(close_dir) DIR *dir = NULL;
	const struct dirent *entry;
	char path[32];

	if (l->n == 0)
		return n;
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	for (int looked = 0; dir && looked < FDS_MAX && (entry = readdir(dir)); looked++) {
		const struct listener key = {.inode = socket_of(dirfd(dir), entry->d_name)};
		const struct listener *found =
			key.inode ? bsearch(&key, l->all, l->n, sizeof(key), by_inode) : NULL;

		if (found)
			n = add_port(found->port, ports, n, max);
	}
	return n;
}
