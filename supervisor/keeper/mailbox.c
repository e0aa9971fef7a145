/* SPDX-License-Identifier: MIT */

/*
 * What a keeper leaves to the one that is started when it has been killed: the read ends of the
 * pipes, which change with each life, and the sockets. It cannot write its will when it dies, so
 * the will is always written.
 *
 * Descriptors that were sent to a socket and not received live as long as that socket. So a pair of
 * sockets that the service manager keeps, both ends of it, is a place to keep others in, and to put
 * new ones there costs two system calls and wakes nobody up. The new letter is sent before the old
 * one is thrown away; who finds two reads the former, since nothing has begun to use the pipes of
 * the later one.
 */

#include "supervisor/keeper/mailbox.h"

#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "supervisor/keeper/pipes.h"
#include "supervisor/keeper/sockets.h"

#define VERSION 1
#define TRANSITS_MAX ARRAY_LEN(((struct pipes *)0)->transit)
#define LETTER_FDS_MAX (PIPES_MAX + KEEPER_FDS_MAX + TRANSITS_MAX)

/* The descriptors are those of the pipes, then those of the sockets, then those of the transits,
 * whose streams are the bits of @transits: 0 in the letters of a former version. */
struct letter {
	uint32_t version;
	uint32_t n_pipes;
	uint32_t n_sockets;
	uint32_t transits;
	struct {
		uint64_t life;
		uint32_t stream;
		uint32_t is_over;
	} pipes[PIPES_MAX];
	char names[KEEPER_FDS_MAX][KEEPER_FD_NAME_MAX];
};

union rights {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(sizeof(int) * LETTER_FDS_MAX)];
};

int mailbox_new(struct mailbox *m)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
		return -errno;
	*m = (struct mailbox){.in = ends[0], .out = ends[1]};
	return 0;
}

static size_t write_letter(struct letter *l, const struct pipes *p, const struct sockets *s,
			   int fds[static LETTER_FDS_MAX])
{
	size_t n = 0;

	*l = (struct letter){
		.version = VERSION,
		.n_pipes = (uint32_t)p->n,
		.n_sockets = (uint32_t)s->n,
	};
	for (size_t i = 0; i < p->n; i++) {
		l->pipes[i].life = p->entries[i].life;
		l->pipes[i].stream = p->entries[i].stream;
		l->pipes[i].is_over = p->entries[i].is_over;
		fds[n++] = p->entries[i].fd;
	}
	for (size_t i = 0; i < s->n; i++) {
		memcpy(l->names[i], s->names[i], sizeof(l->names[i]));
		fds[n++] = s->fds[i];
	}
	for (size_t i = 0; i < TRANSITS_MAX; i++) {
		if (p->transit[i] < 0)
			continue;
		l->transits |= 1u << i;
		fds[n++] = p->transit[i];
	}
	return n;
}

int mailbox_write(struct mailbox *m, const struct pipes *p, const struct sockets *s)
{
	struct letter letter;
	struct iovec part = {.iov_base = &letter, .iov_len = sizeof(letter)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	union rights rights = {0};
	int fds[LETTER_FDS_MAX];
	size_t n;
	char byte;

	if (m->out < 0)
		return 0;
	n = write_letter(&letter, p, s, fds);
	if (n > 0) {
		rights.head.cmsg_level = SOL_SOCKET;
		rights.head.cmsg_type = SCM_RIGHTS;
		rights.head.cmsg_len = CMSG_LEN(sizeof(int) * n);
		memcpy(CMSG_DATA(&rights.head), fds, sizeof(int) * n);
		message.msg_control = &rights;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * n);
	}
	if (sendmsg(m->out, &message, MSG_NOSIGNAL) < 0)
		return -errno;
	/* Received without room for descriptors, those of the former letter are closed. */
	for (; m->n > 0; m->n--)
		ignore_result(recv(m->in, &byte, sizeof(byte), 0));
	m->n = 1;
	return 0;
}

static void close_fds(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close_fd(&fds[i]);
}

/* Return: bytes of the first letter or negative errno. */
static ssize_t peek(int in, struct letter *ret_letter, int fds[static LETTER_FDS_MAX],
		    size_t *ret_n)
{
	struct iovec part = {.iov_base = ret_letter, .iov_len = sizeof(*ret_letter)};
	union rights rights;
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &rights,
		.msg_controllen = sizeof(rights),
	};
	ssize_t n = recvmsg(in, &message, MSG_PEEK | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	if (n < 0)
		return -errno;
	*ret_n = c && c->cmsg_type == SCM_RIGHTS ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
	memcpy(fds, CMSG_DATA(&rights.head), *ret_n * sizeof(int));
	return n;
}

static bool is_whole(const struct letter *l, ssize_t bytes, size_t n_fds)
{
	return bytes == sizeof(*l) && l->version == VERSION && l->n_pipes <= PIPES_MAX &&
	       l->n_sockets <= KEEPER_FDS_MAX && l->transits < 1u << TRANSITS_MAX &&
	       l->n_pipes + l->n_sockets + (size_t)__builtin_popcount(l->transits) == n_fds;
}

static int read_letter(struct letter *l, struct pipes *p, struct sockets *s, int *fds)
{
	int r = sockets_set(s, fds + l->n_pipes, l->n_sockets, l->names);

	close_fds(fds + l->n_pipes, l->n_sockets);
	for (size_t i = 0; i < l->n_pipes; i++)
		p->entries[i] = (struct pipes_entry){
			.life = l->pipes[i].life,
			.fd = fds[i],
			.held = -1,
			.stream = (uint16_t)l->pipes[i].stream,
			.is_known = true, /* for all that we know */
			.is_over = l->pipes[i].is_over != 0,
		};
	p->n = l->n_pipes;
	fds += l->n_pipes + l->n_sockets;
	for (size_t i = 0; i < TRANSITS_MAX; i++)
		p->transit[i] = l->transits & 1u << i ? *fds++ : -1;
	return r;
}

static void empty(struct mailbox *m)
{
	char byte;

	while (recv(m->in, &byte, sizeof(byte), 0) > 0)
		;
	m->n = 0;
}

int mailbox_read(struct mailbox *m, struct pipes *p, struct sockets *s)
{
	struct letter letter;
	int fds[LETTER_FDS_MAX] = {0}, bytes = 0;
	size_t n_fds = 0;
	ssize_t n;

	if (ioctl(m->in, FIONREAD, &bytes) < 0)
		return -errno;
	m->n = (uint32_t)((size_t)bytes / sizeof(letter));
	if (bytes == 0)
		return 0;
	n = peek(m->in, &letter, fds, &n_fds);
	if (n < 0)
		return (int)n;
	if (!is_whole(&letter, n, n_fds)) {
		close_fds(fds, n_fds);
		empty(m);
		return -EBADMSG;
	}
	return read_letter(&letter, p, s, fds);
}
