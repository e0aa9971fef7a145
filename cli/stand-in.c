/* SPDX-License-Identifier: MIT */
/*
 * A stand-in for the collector, while `up` waits for the supervisor.
 *
 * What the supervisor prints goes through a pipe to the collector, which the supervisor starts. One
 * that fails before that is heard by nobody. So `up` listens in the collector's place: the keeper
 * offers it the pipes, and their content is copied with tee(2), which takes nothing away. If all
 * goes well, the supervisor binds the real socket over ours, we hang up, and the keeper offers the
 * same pipes to the collector: no line is missing. If it does not, a person reads within a second
 * what the reason was, instead of "no answer" after ten.
 *
 * Binding replaces what has the name. So it is done before there is a supervisor that could have
 * bound it, and not at all where somebody listens, a collector that outlived its supervisor for
 * example: a socket without a name is found by no keeper any more, and every pipe would fill up.
 */
#include "cli/stand-in.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/intake-frame.h"
#include "lib/paths.h"
#include "lib/text.h"

/** Pipes that a keeper offers at most; more would be a stranger's. */
#define PIPES_MAX 16
#define LINKS_MAX 8
#define TAIL_BYTES 4096

/**
 * struct offer - one pipe of one life of the supervisor
 * @over: nobody can write into it any more
 */
struct offer {
	struct intake_frame frame;
	int fd;
	bool over;
};

/**
 * struct stand_in
 * @epoll_fd: watches all the others
 * @links:    connections of keepers; those of other services are held and not listened to
 * @offers:   pipes of the supervisor, in the order of its lives
 * @n_lives:  lives of the supervisor that were seen
 */
struct stand_in {
	int epoll_fd;
	int listen_fd;
	int keeper_pidfd;
	int said_fd;
	int links[LINKS_MAX];
	size_t n_links;
	struct offer offers[PIPES_MAX];
	size_t n_offers;
	unsigned n_lives;
	bool keeper_ended;
};

static int watch(struct stand_in *s, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};

	return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static bool has_listener(const char *path)
{
	cleanup_close int fd = fd_unix_connect(path, SOCK_SEQPACKET);

	return fd >= 0 || fd == -EAGAIN; /* a full backlog has an owner as well */
}

int stand_in_new(const struct paths *paths, int said_fd, struct stand_in **ret_stand_in)
{
	cleanup_free char *path = file_path_join(paths->run, "log.intake");
	struct stand_in *s = calloc(1, sizeof(*s));
	int code = 0;

	if (!s || !path) {
		free(s);
		return -ENOMEM;
	}
	s->keeper_pidfd = -1;
	s->said_fd = said_fd;
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	s->listen_fd =
		has_listener(path) ? -EADDRINUSE : fd_unix_listen(path, SOCK_SEQPACKET, 0600);
	if (s->epoll_fd < 0 || s->listen_fd < 0)
		code = s->listen_fd < 0 ? s->listen_fd : -ENFILE;
	if (code == 0)
		code = watch(s, s->listen_fd, EPOLLIN);
	if (code < 0)
		stand_in_free(s);
	else
		*ret_stand_in = s;
	return code;
}

int stand_in_watch(struct stand_in *s, int keeper_pidfd)
{
	s->keeper_pidfd = keeper_pidfd;
	return watch(s, keeper_pidfd, EPOLLIN);
}

void stand_in_free(struct stand_in *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_offers; i++)
		close_fd(&s->offers[i].fd);
	for (size_t i = 0; i < s->n_links; i++)
		close_fd(&s->links[i]);
	close_fd(&s->listen_fd);
	close_fd(&s->epoll_fd);
	free(s);
}

int stand_in_fd(const struct stand_in *s)
{
	return s->epoll_fd;
}

static void accept_link(struct stand_in *s)
{
	cleanup_close int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0 || s->n_links == LINKS_MAX || watch(s, fd, EPOLLIN) < 0)
		return;
	s->links[s->n_links++] = steal_fd(&fd);
}

static void drop_link(struct stand_in *s, int fd)
{
	for (size_t i = 0; i < s->n_links; i++) {
		if (s->links[i] != fd)
			continue;
		close_fd(&s->links[i]);
		s->links[i] = s->links[--s->n_links];
		return;
	}
}

static void take_offer(struct stand_in *s, const struct intake_frame *frame, int *fd)
{
	bool new_life = s->n_offers == 0 || s->offers[s->n_offers - 1].frame.life < frame->life;

	/* Its hang-up alone is of interest, once. */
	if (s->n_offers == PIPES_MAX || watch(s, *fd, EPOLLONESHOT) < 0)
		return;
	s->n_lives += new_life;
	s->offers[s->n_offers++] = (struct offer){.frame = *frame, .fd = steal_fd(fd)};
}

/* Whether the descriptor is one of the pipes, which has hung up then. */
static bool take_hangup(struct stand_in *s, int fd)
{
	for (size_t i = 0; i < s->n_offers; i++) {
		if (s->offers[i].fd != fd)
			continue;
		s->offers[i].over = true;
		return true;
	}
	return false;
}

/* One message. Return: whether the connection is still good. */
static bool read_link(struct stand_in *s, int link)
{
	struct intake_frame frame;
	cleanup_close int fd = -1;
	size_t n_fds = 0;
	ssize_t n = fd_receive(link, &frame, sizeof(frame), &fd, 1, &n_fds);

	if (n == -EAGAIN)
		return true;
	if (n != sizeof(frame) || frame.magic != INTAKE_MAGIC)
		return false;
	frame.name[sizeof(frame.name) - 1] = '\0';
	if (strcmp(frame.name, "supervisor") != 0)
		return true;
	if (frame.kind == INTAKE_OFFER && n_fds == 1)
		take_offer(s, &frame, &fd);
	return true;
}

static void take_event(struct stand_in *s, int fd)
{
	if (fd == s->listen_fd)
		accept_link(s);
	else if (fd == s->keeper_pidfd)
		s->keeper_ended = true;
	else if (!take_hangup(s, fd) && !read_link(s, fd))
		drop_link(s, fd);
}

static void take_news(struct stand_in *s, int msec)
{
	struct epoll_event event;

	while (!s->keeper_ended && epoll_wait(s->epoll_fd, &event, 1, msec) > 0) {
		take_event(s, event.data.fd);
		msec = 0;
	}
}

bool stand_in_hopeless(struct stand_in *s)
{
	take_news(s, 0);
	return s->keeper_ended || s->n_lives > STAND_IN_LIVES_MAX;
}

/* A copy of what a pipe holds. */
static void add_pipe(struct text *out, int fd)
{
	cleanup_close int read_end = -1;
	cleanup_close int write_end = -1;
	char buf[TAIL_BYTES];
	int ends[2];
	ssize_t n;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return;
	read_end = ends[0];
	write_end = ends[1];
	if (tee(fd, write_end, INT32_MAX, SPLICE_F_NONBLOCK) <= 0)
		return;
	while ((n = read(read_end, buf, sizeof(buf))) > 0)
		text_add_bytes(out, buf, (size_t)n);
}

/* One line, without the level mark that is meant for the collector. */
static void print_line(const char *s, size_t n)
{
	cleanup_text struct text out = {0};

	if (n > 3 && s[0] == '<' && s[2] == '>') {
		s += 3;
		n -= 3;
	}
	text_add(&out, "  ");
	text_add_escaped(&out, s, n, false);
	text_add(&out, "\n");
	if (!out.failed)
		(void)fwrite(out.data, 1, out.len, stderr);
}

static void print_tail(const char *s, size_t n)
{
	const char *end = s + n;

	if (n > TAIL_BYTES) {
		const char *newline = memchr(end - TAIL_BYTES, '\n', TAIL_BYTES);

		s = newline ? newline + 1 : end - TAIL_BYTES;
	}
	while (s < end) {
		const char *newline = memchr(s, '\n', (size_t)(end - s));
		size_t len = (size_t)((newline ? newline : end) - s);

		print_line(s, len);
		s += len + 1;
	}
}

static void print_said(const struct stand_in *s)
{
	char buf[TAIL_BYTES];
	off_t size = lseek(s->said_fd, 0, SEEK_END);
	off_t from = size > TAIL_BYTES ? size - TAIL_BYTES : 0;
	ssize_t n = pread(s->said_fd, buf, sizeof(buf), from);

	if (n > 0)
		print_tail(buf, (size_t)n);
}

/* The newest life but the last, which may only just have begun, if there is another. */
static uint64_t life_to_print(const struct stand_in *s)
{
	uint64_t last = s->n_offers > 0 ? s->offers[s->n_offers - 1].frame.life : 0;
	uint64_t life = last;

	for (size_t i = 0; i < s->n_offers; i++) {
		if (s->offers[i].frame.life < last)
			life = s->offers[i].frame.life;
	}
	return life;
}

void stand_in_print(struct stand_in *s)
{
	cleanup_text struct text said = {0};
	uint64_t life;

	take_news(s, 0);
	life = life_to_print(s);
	for (size_t i = 0; i < s->n_offers; i++) {
		if (s->offers[i].frame.life == life)
			add_pipe(&said, s->offers[i].fd);
	}
	if (!said.failed)
		print_tail(said.data ? said.data : "", said.len);
	print_said(s);
}

/* "Everything is stored": it was printed. */
static void release_offers(struct stand_in *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n_offers; i++) {
		struct offer *o = &s->offers[i];

		if (!o->over) {
			s->offers[kept++] = *o;
			continue;
		}
		o->frame.kind = INTAKE_DRAINED;
		for (size_t k = 0; k < s->n_links; k++)
			ignore_result(fd_send(s->links[k], &o->frame, sizeof(o->frame), NULL, 0));
		close_fd(&o->fd);
	}
	s->n_offers = kept;
}

void stand_in_dismiss(struct stand_in *s, usec_t deadline_usec)
{
	(void)syscall(SYS_pidfd_send_signal, s->keeper_pidfd, SIGTERM, NULL, 0);
	while (!s->keeper_ended) {
		usec_t left_usec = usec_sub(deadline_usec, clock_now_usec());

		release_offers(s);
		if (left_usec == 0)
			break;
		take_news(s, (int)MIN_OF(left_usec / USEC_PER_MSEC + 1, (usec_t)INT32_MAX));
	}
}
