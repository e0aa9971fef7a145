/* SPDX-License-Identifier: MIT */

/*
 * A feed: a pipe that somebody prints into, and how it is emptied without ever holding it.
 *
 * A disk may stand still for minutes. splice(2) to a file locks its pipe for so long, and then not
 * only does nobody take the bytes out: nobody can put any in, whatever room there is, nor give up
 * waiting, nor be killed. So bytes go from the pipe to a transit first, which takes no longer than
 * to move pointers, and from there to the disk. A keeper keeps the transit as it keeps the pipe
 * (lib/transit.c): at each moment each byte is in the pipe, in the transit or in the file, and none
 * of them dies with us.
 *
 * What is in the transit is always earlier than what is in the pipe, and of the same life: nothing
 * enters it before it is empty, and a life is not drained before that. So there is nothing to note
 * down about it, and a successor simply begins with what it finds there.
 *
 * Keepers of a former version offer no transit. Their pipes are emptied directly, and wait for the
 * disk.
 */

#include "log/feed.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

/** Of a transit; one splice takes no more anyway. */
#define TRANSIT_BYTES_MAX (256 * 1024)

/* Whoever may open it may have read it as well. */
static void recount(struct feed *f)
{
	int n_bytes = 0;

	if (f->transit_fd < 0 || ioctl(f->transit_fd, FIONREAD, &n_bytes) < 0)
		n_bytes = 0;
	f->transit_bytes = (size_t)MAX_OF(n_bytes, 0);
}

static bool is_pipe(int fd, ino_t *ret_inode)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode))
		return false;
	*ret_inode = st.st_ino;
	return true;
}

int feed_init(struct feed *f, const int *fds, size_t n_fds)
{
	cleanup(feed_done) struct feed made = FEED_NONE;
	ino_t inode;

	made.pipe_fd = fds[0];
	made.transit_fd = n_fds > 1 ? fds[1] : -1;
	if (!is_pipe(made.pipe_fd, &made.inode) ||
	    (made.transit_fd >= 0 && !is_pipe(made.transit_fd, &inode)))
		return -EINVAL;
	recount(&made);
	*f = made;
	made = FEED_NONE;
	return 0;
}

void feed_done(struct feed *f)
{
	close_fd(&f->pipe_fd);
	close_fd(&f->transit_fd);
	close_fd(&f->next_fd);
}

void feed_renew(struct feed *f, struct feed *offered)
{
	close_fd(&f->next_fd);
	f->next_fd = steal_fd(&offered->transit_fd);
	f->has_next = true;
	feed_begin(f);
}

void feed_begin(struct feed *f)
{
	if (f->transit_bytes > 0)
		recount(f);
	if (!f->has_next || f->transit_bytes > 0)
		return;
	close_fd(&f->transit_fd);
	f->transit_fd = steal_fd(&f->next_fd);
	f->has_next = false;
	recount(f);
}

static int size_of(int fd)
{
	return MAX_OF(fcntl(fd, F_GETPIPE_SZ), PIPE_BUF);
}

size_t feed_room(const struct feed *f)
{
	int pipe_bytes = size_of(f->pipe_fd), transit_bytes;

	if (f->transit_fd < 0)
		return (size_t)pipe_bytes;
	transit_bytes = size_of(f->transit_fd);
	/* Where it may not grow, more turns are taken. */
	if (transit_bytes < MIN_OF(pipe_bytes, TRANSIT_BYTES_MAX))
		transit_bytes = MAX_OF(
			fcntl(f->transit_fd, F_SETPIPE_SZ, MIN_OF(pipe_bytes, TRANSIT_BYTES_MAX)),
			transit_bytes);
	return (size_t)MIN_OF(pipe_bytes, transit_bytes);
}

bool feed_is_left(const struct feed *f)
{
	return f->transit_bytes > 0;
}

int feed_front(const struct feed *f)
{
	return f->transit_bytes > 0 ? f->transit_fd : f->pipe_fd;
}

ssize_t feed_advance(struct feed *f, size_t max_bytes)
{
	ssize_t n;

	if (f->transit_fd < 0)
		return (ssize_t)max_bytes;
	if (f->transit_bytes == 0) {
		n = splice(f->pipe_fd, NULL, f->transit_fd, NULL, max_bytes,
			   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
		if (n <= 0)
			return n < 0 ? -errno : 0;
		f->transit_bytes = (size_t)n;
	}
	return (ssize_t)MIN_OF(max_bytes, f->transit_bytes);
}

void feed_took(struct feed *f, size_t n_bytes)
{
	f->transit_bytes -= MIN_OF(n_bytes, f->transit_bytes);
}
