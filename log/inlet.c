/* SPDX-License-Identifier: MIT */

/*
 * An inlet: what a keeper does with each pipe of its payload, for one pipe.
 *
 * The read end is offered and kept as well, so a collector that dies takes nothing with it: its
 * successor is offered the same pipe under the same number, and goes on where the bytes have not
 * left the pipe. END is never said. The collector sees the end of file by itself, and before that
 * there is always somebody who may still write; if we have to leave, it is left with the pipe.
 */

#include "log/inlet.h"

#include <string.h>
#include <sys/socket.h>

#include "lib/error.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/transit.h"

#define PAUSE_FIRST_USEC (5 * USEC_PER_MSEC)
#define PAUSE_MAX_USEC USEC_PER_SEC

int inlet_init(struct inlet *i, const char *run_dir, const struct stream_id *id, uint64_t life,
	       int pipe_fd)
{
	*i = (struct inlet){
		.link = -1, .pipe_fd = pipe_fd, .transit_fd = -1, .pause_usec = PAUSE_FIRST_USEC};
	i->offer = (struct intake_frame){
		.magic = INTAKE_MAGIC,
		.kind = INTAKE_OFFER,
		.stream = (uint16_t)id->stream,
		.instance = id->instance,
		.life = life,
	};
	memcpy(i->offer.name, id->service, strlen(id->service));
	i->path = file_path_join(run_dir, "log.intake");
	return i->path ? 0 : -ENOMEM;
}

/*
 * A socket that is closed with something unread in it resets the connection, and the other side
 * loses what it has not read yet: the OFFER. So first nobody can send any more, then all is read.
 */
void inlet_done(struct inlet *i)
{
	struct intake_frame frame;

	if (i->link >= 0) {
		(void)shutdown(i->link, SHUT_RDWR);
		while (recv(i->link, &frame, sizeof(frame), MSG_DONTWAIT) > 0)
			;
	}
	close_fd(&i->link);
	close_fd(&i->transit_fd);
	free(i->path);
	i->path = NULL;
}

static void inlet_unlink(struct inlet *i, usec_t now_usec)
{
	close_fd(&i->link);
	i->alone_usec = now_usec;
	/* At once, unless the connection did not last. */
	if (now_usec >= usec_add(i->linked_usec, i->pause_usec)) {
		i->retry_usec = now_usec;
		i->pause_usec = PAUSE_FIRST_USEC;
		return;
	}
	i->retry_usec = usec_add(now_usec, i->pause_usec);
	i->pause_usec = MIN_OF(i->pause_usec * 2, PAUSE_MAX_USEC);
}

/* The collector would take the connection and hang up: better to say why. */
static int inlet_check_owner(const struct inlet *i, int link, struct error *err)
{
	struct fd_peer owner;

	if (geteuid() == 0 || fd_peer_get(link, &owner) < 0 || owner.uid == geteuid())
		return 0;
	return error_set(err, -EACCES,
			 "the collector behind \"%s\" takes pipes of root and of uid %d only: run "
			 "it as one of them, for example with sudo",
			 i->path, (int)owner.uid);
}

/* Without a transit a slow disk may hold up who prints: better than not to collect. */
static int inlet_offer(struct inlet *i)
{
	int fds[INTAKE_FDS_MAX];

	if (i->transit_fd < 0)
		i->transit_fd = transit_new();
	fds[0] = i->pipe_fd;
	fds[1] = i->transit_fd;
	return fd_send(i->link, &i->offer, sizeof(i->offer), fds, i->transit_fd < 0 ? 1 : 2);
}

static int inlet_connect(struct inlet *i, usec_t now_usec, struct error *err)
{
	cleanup_close int link = fd_unix_connect(i->path, SOCK_SEQPACKET);
	int r;

	if (link == -EACCES)
		return error_set(err, link,
				 "cannot connect to \"%s\": %s; run it as root or as the "
				 "collector's user, for example with sudo",
				 i->path, strerror(-link));
	if (link < 0) {
		i->retry_usec = usec_add(now_usec, i->pause_usec);
		i->pause_usec = MIN_OF(i->pause_usec * 2, PAUSE_MAX_USEC);
		return 0;
	}
	r = inlet_check_owner(i, link, err);
	if (r < 0)
		return r;
	i->link = steal_fd(&link);
	i->linked_usec = now_usec;
	i->retry_usec = USEC_INFINITY;
	if (inlet_offer(i) < 0)
		inlet_unlink(i, now_usec);
	else
		i->has_linked = true;
	return 0;
}

int inlet_pump(struct inlet *i, usec_t now_usec, struct error *err)
{
	if (i->link >= 0 || now_usec < i->retry_usec)
		return 0;
	return inlet_connect(i, now_usec, err);
}

static bool frame_says_drained(const struct inlet *i, const struct intake_frame *f)
{
	return f->kind == INTAKE_DRAINED && f->stream == i->offer.stream &&
	       f->instance == i->offer.instance && f->life == i->offer.life &&
	       strncmp(f->name, i->offer.name, sizeof(f->name)) == 0;
}

bool inlet_read(struct inlet *i, usec_t now_usec)
{
	struct intake_frame frame;
	ssize_t n = recv(i->link, &frame, sizeof(frame), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n != sizeof(frame) || frame.magic != INTAKE_MAGIC) {
		inlet_unlink(i, now_usec);
		return false;
	}
	return frame_says_drained(i, &frame);
}
