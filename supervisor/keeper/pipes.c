/* SPDX-License-Identifier: MIT */

/*
 * The payload's output, between its write(2) and the collector's disk.
 *
 * Each life has pipes of its own, and the keeper keeps a read end of each until the collector has
 * said DRAINED. So the collector may die at any moment: the bytes stay in the pipe, nobody gets a
 * SIGPIPE, and its successor is offered every pipe that is still here. What has been said is
 * remembered per connection, and a new connection begins with nothing said.
 *
 * The table is bounded, a crash loop beside a dead collector is not. So the life that takes the
 * last free places is special: the keeper holds write ends of its pipes and does not say END when
 * it is over, as long as there is no room for another life. Without END and without an end of file
 * the collector cannot call these pipes drained, so the next lives may go on writing into them. No
 * line is lost and no restart waits; those lives share a number in the log. When the collector has
 * made room, the pipes are let go: END is said, and it is true from then on, because nobody gets
 * them any more.
 *
 * A life in a crash loop mostly dies without a word, before its pipes were offered to anybody. Then
 * they are as good as new, and the next life's: so the keeper holds their write ends until it
 * offers them. From then on the end of file belongs to the payload.
 *
 * A keeper that leaves waits for the collector, but only while one may come: the outermost one,
 * which keeps the supervisor, is the last of all, and when nobody listens by then it does not wait.
 * What is left when nobody listens goes to our own stderr, the journal under a service manager.
 *
 * With each pipe a transit is offered (lib/transit.h), one for each stream that has ever been
 * offered: the collector takes the bytes through it, so that its disk holds up nobody. As long as a
 * collector may be there we only poll(2) it: everything else would wait for the disk as well.
 *
 * A pipe that is full blocks the payload. That is meant: the alternative is to lose what it says.
 */

#include "supervisor/keeper/pipes.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "supervisor/keeper/address.h"
#include "supervisor/keeper/say.h"
#include "supervisor/keeper/spec.h"
#include "supervisor/keeper/text.h"

/* Room that the next life needs. */
#define LIFE_PIPES 2
/* Its address refuses for a moment while it is bound anew; a collector that begins takes a few. */
#define PAUSE_FIRST_USEC (5 * USEC_PER_MSEC)
#define PAUSE_MAX_USEC USEC_PER_SEC

void pipes_init(struct pipes *p)
{
	*p = (struct pipes){.link = -1, .retry_usec = USEC_INFINITY};
	for (size_t i = 0; i < ARRAY_LEN(p->spare); i++)
		p->spare[i] = (struct pipes_spare){.fd = -1, .held = -1};
	for (size_t i = 0; i < ARRAY_LEN(p->transit); i++)
		p->transit[i] = -1;
}

static bool has_room(const struct pipes *p)
{
	return p->n + LIFE_PIPES <= PIPES_MAX;
}

static int make_pipe(int *ret_fd, int *ret_held)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	*ret_fd = ends[0];
	*ret_held = ends[1];
	return 0;
}

static int open_pipe(struct pipes *p, const struct spec *spec, uint64_t life,
		     enum intake_stream stream, int *ret_fd)
{
	cleanup_close int ours = steal_fd(&p->spare[stream].fd);
	cleanup_close int theirs = steal_fd(&p->spare[stream].held);
	int r = ours < 0 ? make_pipe(&ours, &theirs) : 0;

	if (r < 0)
		return r;
	/* Owned by the user, so that opening /dev/stdout works. */
	if (spec->has_uid && fchown(theirs, spec->uid, spec->gid) < 0)
		return -errno;
	*ret_fd = theirs;
	p->entries[p->n++] = (struct pipes_entry){.life = life,
						  .fd = steal_fd(&ours),
						  .held = steal_fd(&theirs),
						  .stream = (uint16_t)stream};
	p->is_moved = true;
	return 0;
}

static void drop(struct pipes *p, size_t i)
{
	close_fd(&p->entries[i].fd);
	close_fd(&p->entries[i].held);
	p->n--;
	p->is_moved = true;
	memmove(&p->entries[i], &p->entries[i + 1], (p->n - i) * sizeof(p->entries[0]));
}

static void drop_life(struct pipes *p, uint64_t life)
{
	for (size_t i = p->n; i-- > 0;) {
		if (p->entries[i].life == life)
			drop(p, i);
	}
}

static int open_fresh(struct pipes *p, const struct spec *spec, uint64_t life, int *out, int *err)
{
	int r;

	if (spec->is_merged) {
		r = open_pipe(p, spec, life, INTAKE_STREAM_BOTH, out);
		*err = *out;
	} else {
		r = open_pipe(p, spec, life, INTAKE_STREAM_OUT, out);
		if (r == 0)
			r = open_pipe(p, spec, life, INTAKE_STREAM_ERR, err);
	}
	if (r < 0)
		drop_life(p, life);
	return r;
}

/* The held pipe for a stream; that of the other one where the streams were merged meanwhile. */
static int open_held(struct pipes *p, enum intake_stream stream)
{
	struct pipes_entry *found = NULL;

	for (size_t i = 0; i < p->n; i++) {
		struct pipes_entry *e = &p->entries[i];

		if (e->held < 0)
			continue;
		e->is_over = false;
		if (!found || e->stream == stream)
			found = e;
	}
	return found ? found->held : -1;
}

static void close_held(struct pipes *p)
{
	for (size_t i = 0; i < p->n; i++)
		close_fd(&p->entries[i].held);
}

int pipes_open(struct pipes *p, const struct spec *spec, uint64_t life, int *ret_out, int *ret_err)
{
	int r = 0;

	*ret_out = -1;
	*ret_err = -1;
	if (spec->intake && has_room(p)) {
		/* Whatever was held for this life is not needed; its end of file may come. */
		close_held(p);
		p->is_shared = false;
		r = open_fresh(p, spec, life, ret_out, ret_err);
	} else if (spec->intake) {
		*ret_out = open_held(p, INTAKE_STREAM_OUT);
		*ret_err = open_held(p, spec->is_merged ? INTAKE_STREAM_OUT : INTAKE_STREAM_ERR);
		if (*ret_out < 0 || *ret_err < 0)
			return -EBADF;
		if (!p->is_shared)
			say("the collector is away: the next lives share the pipes of this one");
		p->is_shared = true;
	}
	return r;
}

void pipes_forget_spare(struct pipes *p)
{
	for (size_t i = 0; i < ARRAY_LEN(p->spare); i++) {
		close_fd(&p->spare[i].fd);
		close_fd(&p->spare[i].held);
	}
}

/* Let go of held pipes whose life is over, once another life has room without them. */
static void let_go(struct pipes *p)
{
	for (size_t i = 0; i < p->n && has_room(p); i++) {
		if (p->entries[i].is_over)
			close_fd(&p->entries[i].held);
	}
}

static uint64_t left_bytes(int fd)
{
	int bytes = 0;

	return fd >= 0 && ioctl(fd, FIONREAD, &bytes) == 0 && bytes > 0 ? (uint64_t)bytes : 0;
}

/* A pipe again, from its read end. */
static int open_again(int fd, int mode)
{
	char path[32];

	text_format(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, mode | O_CLOEXEC);
}

/* Without one a slow disk may hold up who prints: better than not to collect. */
static int make_transit(void)
{
	cleanup_close int out = -1;
	cleanup_close int in = -1;

	return make_pipe(&out, &in) == 0 ? open_again(out, O_RDWR | O_NONBLOCK) : -1;
}

void pipes_prepare(struct pipes *p)
{
	for (size_t i = 0; i < p->n; i++) {
		int *transit = &p->transit[p->entries[i].stream];

		if (p->entries[i].is_offered || *transit >= 0)
			continue;
		*transit = make_transit();
		p->is_moved |= *transit >= 0;
	}
}

void pipes_revive(struct pipes *p)
{
	for (size_t i = 0; i < p->n && !has_room(p); i++) {
		struct pipes_entry *e = &p->entries[i];

		if (e->life == p->entries[p->n - 1].life)
			e->held = open_again(e->fd, O_WRONLY);
	}
}

/* Nobody knows it, and there is nothing in it. Its last life may have made it non-blocking. */
static void put_away(struct pipes *p, size_t i)
{
	struct pipes_entry *e = &p->entries[i];
	struct pipes_spare *spare = &p->spare[e->stream];

	if (e->held >= 0 && spare->fd < 0 && fcntl(e->held, F_SETFL, 0) == 0)
		*spare = (struct pipes_spare){.fd = steal_fd(&e->fd), .held = steal_fd(&e->held)};
	drop(p, i);
}

void pipes_end(struct pipes *p)
{
	p->is_moved |= p->n > 0;
	for (size_t i = p->n; i-- > 0;) {
		struct pipes_entry *e = &p->entries[i];

		e->is_over = true;
		if (!e->is_known && (e->held < 0 || has_room(p)) && left_bytes(e->fd) == 0)
			put_away(p, i);
	}
	let_go(p);
}

static void unlink_collector(struct pipes *p, usec_t now_usec)
{
	close_fd(&p->link);
	p->is_full = false;
	for (size_t i = 0; i < p->n; i++) {
		p->entries[i].is_offered = false;
		p->entries[i].is_end_said = false;
	}
	/*
	 * At once, unless the connection did not last: then it is a crash loop over there. The very
	 * first may be short, to the stand-in that `up` puts in the place of a collector to come.
	 */
	if (now_usec >= usec_add(p->linked_usec, p->pause_usec)) {
		p->retry_usec = now_usec;
		p->pause_usec = PAUSE_FIRST_USEC;
		return;
	}
	p->retry_usec = usec_add(now_usec, p->pause_usec);
	p->pause_usec = MIN_OF(p->pause_usec * 2, PAUSE_MAX_USEC);
}

static int link_collector(struct pipes *p, const char *path)
{
	cleanup_close int folder = -1;
	cleanup_close int fd = -1;
	struct sockaddr_un address;
	int r = address_make(path, "", &address, &folder);

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	p->link = steal_fd(&fd);
	return 0;
}

static int send_frame(struct pipes *p, const struct spec *spec, const struct pipes_entry *e,
		      enum intake_kind kind)
{
	struct intake_frame frame = {
		.magic = INTAKE_MAGIC,
		.kind = (uint16_t)kind,
		.stream = e->stream,
		.instance = spec->instance,
		.policy = spec->log_policy,
		.life = e->life,
	};
	struct iovec part = {.iov_base = &frame, .iov_len = sizeof(frame)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(INTAKE_FDS_MAX * sizeof(int))];
	} control = {0};
	int fds[INTAKE_FDS_MAX];
	size_t n_bytes = sizeof(fds);

	text_copy(frame.name, sizeof(frame.name), spec->name);
	if (kind == INTAKE_OFFER) {
		fds[0] = e->fd;
		fds[1] = p->transit[e->stream];
		if (fds[1] < 0)
			n_bytes -= sizeof(int);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(n_bytes);
		memcpy(CMSG_DATA(&control.head), fds, n_bytes);
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(n_bytes);
	}
	return sendmsg(p->link, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static int tell(struct pipes *p, const struct spec *spec, struct pipes_entry *e)
{
	int r;

	if (!e->is_offered) {
		r = send_frame(p, spec, e, INTAKE_OFFER);
		if (r < 0)
			return r;
		e->is_offered = true;
		e->is_known = true;
	}
	if (e->is_over && e->held < 0 && !e->is_end_said) {
		r = send_frame(p, spec, e, INTAKE_END);
		if (r < 0)
			return r;
		e->is_end_said = true;
	}
	return 0;
}

void pipes_pump(struct pipes *p, const struct spec *spec, usec_t now_usec)
{
	int r = 0;

	if (has_room(p))
		close_held(p);
	if (p->n == 0 || !spec->intake ||
	    (p->link < 0 && p->retry_usec > now_usec && p->retry_usec != USEC_INFINITY))
		return;
	if (p->link < 0) {
		r = link_collector(p, spec->intake);
		p->is_refused = r == -ECONNREFUSED || r == -ENOENT;
		p->linked_usec = now_usec;
		p->retry_usec = USEC_INFINITY;
	}
	for (size_t i = 0; r == 0 && i < p->n; i++)
		r = tell(p, spec, &p->entries[i]);
	p->is_full = r == -EAGAIN && p->link >= 0;
	if (r < 0 && !p->is_full)
		unlink_collector(p, now_usec);
}

static void take_drained(struct pipes *p, const struct intake_frame *frame)
{
	for (size_t i = 0; i < p->n; i++) {
		struct pipes_entry *e = &p->entries[i];

		/* A held pipe cannot be drained for good, whatever the other side thinks. */
		if (e->life == frame->life && e->stream == frame->stream && e->held < 0) {
			drop(p, i);
			let_go(p);
			return;
		}
	}
}

void pipes_read(struct pipes *p, usec_t now_usec)
{
	struct intake_frame frame;

	for (size_t i = 0; i < PIPES_MAX; i++) {
		ssize_t n = recv(p->link, &frame, sizeof(frame), MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n != sizeof(frame) || frame.magic != INTAKE_MAGIC) {
			unlink_collector(p, now_usec);
			return;
		}
		if (frame.kind == INTAKE_DRAINED)
			take_drained(p, &frame);
	}
}

bool pipes_await(const struct pipes *p)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->entries[i].is_offered)
			return true;
	}
	return false;
}

/*
 * A socket that is closed with something unread in it resets the connection, and the other side
 * loses what it has not read yet, an OFFER for example. So first nobody can send any more, then all
 * is read.
 */
void pipes_hang_up(struct pipes *p)
{
	struct intake_frame frame;

	if (p->link < 0)
		return;
	(void)shutdown(p->link, SHUT_RDWR);
	while (recv(p->link, &frame, sizeof(frame), MSG_DONTWAIT) > 0)
		;
	close_fd(&p->link);
}

void pipes_hurry(struct pipes *p)
{
	p->is_refused = false;
	if (p->link < 0)
		p->retry_usec = 0;
}

static bool is_ready(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	return poll(&p, 1, 0) == 1 && (p.revents & events);
}

static void spill(int fd)
{
	char bytes[PIPE_BUF];
	ssize_t n = 1;

	while (n > 0 && is_ready(STDERR_FILENO, POLLOUT) && is_ready(fd, POLLIN)) {
		n = read(fd, bytes, sizeof(bytes));
		if (n > 0)
			n = write(STDERR_FILENO, bytes, (size_t)n);
	}
}

void pipes_spill(const struct pipes *p)
{
	/* A collector that was offered them goes on without us. */
	if (!p->is_refused)
		return;
	for (size_t i = 0; i < ARRAY_LEN(p->transit); i++)
		spill(p->transit[i]);
	for (size_t i = 0; i < p->n; i++)
		spill(p->entries[i].fd);
}

uint64_t pipes_left_bytes(const struct pipes *p)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < p->n; i++)
		sum += left_bytes(p->entries[i].fd);
	/* Where nobody listens, nobody locks it either. */
	for (size_t i = 0; p->is_refused && i < ARRAY_LEN(p->transit); i++)
		sum += left_bytes(p->transit[i]);
	return sum;
}

bool pipes_are_stored(const struct pipes *p)
{
	for (size_t i = 0; i < ARRAY_LEN(p->transit); i++) {
		if (is_ready(p->transit[i], POLLIN))
			return false;
	}
	return pipes_left_bytes(p) == 0;
}
