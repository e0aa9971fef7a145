/* SPDX-License-Identifier: MIT */

/*
 * The reader process, as the writer sees it.
 *
 * Searching, encoding and slow clients live in a process of their own, so that none of it can delay
 * collecting. It is started by the first connection that waits in the Varlink socket, which costs
 * that caller a millisecond and everybody else nothing. When it ends, because nobody asked for a
 * while or because it died, the next connection starts it again, but not sooner than
 * RESTART_DELAY_USEC after its last start. It ends by itself when we are gone: its successor will
 * be started by our successor.
 */

#include "log/reader-child.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/spawn.h"

#include "log/writer.h"

#define RESTART_DELAY_USEC (200 * USEC_PER_MSEC)

struct reader_child {
	struct loop *loop;
	struct writer *writer;
	struct loop_fd listening;
	struct loop_fd requests;
	struct loop_timer delay;
	struct loop_pid process;
	const char *log_dir;
	bool debug;
	usec_t started_usec;
	int listen_fd;
	int socket_fd;
};

static void on_request(int fd, int events, void *userdata)
{
	struct reader_child *c = userdata;
	struct reader_request request;
	ssize_t n = recv(fd, &request, sizeof(request), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != sizeof(request)) { /* it is gone; its pidfd will say so */
		loop_fd_done(&c->requests);
		close_fd(&c->socket_fd);
		return;
	}
	request.service[sizeof(request.service) - 1] = '\0';
	writer_rotate(c->writer, request.service);
	if (send(fd, &request, sizeof(request), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_warning("the reader does not listen: %m");
}

static void listen_again(void *userdata)
{
	struct reader_child *c = userdata;

	if (loop_fd_set(&c->listening, LOOP_READ) < 0)
		log_error("cannot watch the Varlink socket: no queries until the next start");
}

static void wait_for_caller(struct reader_child *c)
{
	usec_t next_usec = usec_add(c->started_usec, RESTART_DELAY_USEC);

	if (loop_timer_set(&c->delay, next_usec) < 0)
		listen_again(c);
}

static void on_exit_of_reader(pid_t pid, int wait_status, void *userdata)
{
	struct reader_child *c = userdata;

	if (WIFSIGNALED(wait_status))
		log_warning("the reader was killed by signal %d; collecting goes on",
			    WTERMSIG(wait_status));
	else if (WEXITSTATUS(wait_status) != 0)
		log_warning("the reader failed with exit code %d; collecting goes on",
			    WEXITSTATUS(wait_status));
	loop_pid_done(&c->process);
	loop_fd_done(&c->requests);
	close_fd(&c->socket_fd);
	wait_for_caller(c);
}

static int child_spawn(struct reader_child *c, int socket_fd, pid_t *ret_pid)
{
	const char *argv[] = {"/proc/self/exe",
			      "--reader",
			      "--log-dir",
			      c->log_dir,
			      c->debug ? "--debug" : NULL,
			      NULL};
	int fds[] = {c->listen_fd, socket_fd, writer_board(c->writer)};
	struct spawn spawn = {.argv = (char *const *)argv,
			      .in_fd = -1,
			      .out_fd = -1,
			      .err_fd = -1,
			      .fds = fds,
			      .n_fds = ARRAY_LEN(fds)};

	return spawn_run(&spawn, ret_pid);
}

static int child_start(struct reader_child *c)
{
	cleanup_close int theirs = -1;
	int fds[2], r;
	pid_t pid;

	c->started_usec = clock_now_usec();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return -errno;
	c->socket_fd = fds[0];
	theirs = fds[1];
	r = child_spawn(c, theirs, &pid);
	if (r == 0)
		r = loop_pid_init(&c->process, c->loop, pid, -1, on_exit_of_reader, c);
	if (r == 0)
		r = loop_fd_init(&c->requests, c->loop, c->socket_fd, LOOP_READ, on_request, c);
	if (r < 0)
		close_fd(&c->socket_fd);
	return r;
}

static void on_caller(int fd, int events, void *userdata)
{
	struct reader_child *c = userdata;
	int r;

	ignore_result(loop_fd_set(&c->listening, 0));
	r = child_start(c);
	if (r == 0)
		return;
	log_error("cannot start the reader: %s; collecting goes on", strerror(-r));
	wait_for_caller(c);
}

int reader_child_new(struct loop *l, struct writer *w, int listen_fd, const char *log_dir,
		     bool debug, struct reader_child **ret_child)
{
	struct reader_child *c = calloc(1, sizeof(*c));
	int r;

	if (!c) {
		close_fd(&listen_fd);
		return -ENOMEM;
	}
	*c = (struct reader_child){.loop = l,
				   .writer = w,
				   .log_dir = log_dir,
				   .debug = debug,
				   .listen_fd = listen_fd,
				   .socket_fd = -1,
				   .process = {.pidfd = -1}};
	r = loop_timer_init(&c->delay, l, listen_again, c);
	if (r == 0)
		r = loop_fd_init(&c->listening, l, listen_fd, LOOP_READ, on_caller, c);
	if (r < 0) {
		reader_child_free(c);
		return r;
	}
	*ret_child = c;
	return 0;
}

void reader_child_free(struct reader_child *c)
{
	if (!c)
		return;
	loop_fd_done(&c->listening);
	loop_fd_done(&c->requests);
	loop_timer_done(&c->delay);
	if (c->process.pid > 0)
		loop_pid_done(&c->process);
	close_fd(&c->socket_fd);
	close_fd(&c->listen_fd);
	free(c);
}
