/* SPDX-License-Identifier: MIT */
#include "supervisor/prober-helper.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/error.h"
#include "lib/fd.h"
#include "lib/list.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/paths.h"
#include "lib/spawn.h"

/*
 * slicekeep-probe as seen from here: a child at the other end of a socket pair.
 *
 * It is started with the first attempt, because most machines never need it, and again with the
 * next attempt after its death: the pace of the probes bounds how often, so a helper that dies at
 * once needs no backoff of its own. Whatever is wrong with what it says, it is killed, and its end
 * as a process is the one way in which it goes: there is no second state "connected but gone".
 */

/** Replies in one turn of the loop. */
#define REPLIES_PER_TURN 32

/* A request that the socket did not take. */
struct waiting {
	struct list link;
	struct probe_request request;
};

struct prober_helper {
	struct loop *loop;
	const struct prober_helper_events *events;
	void *userdata;
	struct loop_fd source;
	struct loop_pid end;
	struct list waiting;
	size_t n_waiting;
	int fd;
	pid_t pid;
};

static void waiting_free(struct prober_helper *h, struct waiting *w)
{
	list_remove(&w->link);
	h->n_waiting--;
	free(w);
}

static void hang_up(struct prober_helper *h)
{
	list_for_each_safe(it, &h->waiting)
		waiting_free(h, list_entry(it, struct waiting, link));
	loop_fd_done(&h->source);
	close_fd(&h->fd);
}

static void on_end(pid_t pid, int wait_status, void *userdata)
{
	struct prober_helper *h = userdata;

	log_warning("slicekeep-probe (pid %d) has died; the next probe starts it again", pid);
	hang_up(h);
	h->pid = 0;
	h->events->died(h->userdata);
}

/* It is our child and has not been reaped: its end is told by on_end(). */
static void kill_helper(struct prober_helper *h)
{
	hang_up(h);
	(void)kill(h->pid, SIGKILL);
}

static bool take_reply(struct prober_helper *h)
{
	struct probe_reply reply;
	size_t n_fds = 0;
	ssize_t n = fd_receive(h->fd, &reply, sizeof(reply), NULL, 0, &n_fds);

	if (n == -EAGAIN)
		return false;
	if (n != sizeof(reply) || reply.magic != PROBE_MAGIC || reply.version != PROBE_VERSION) {
		kill_helper(h);
		return false;
	}
	reply.text[PROBE_TEXT_MAX - 1] = '\0';
	h->events->reply(reply.id, reply.ok == 1, reply.text, h->userdata);
	return true;
}

static void flush(struct prober_helper *h)
{
	while (!list_empty(&h->waiting)) {
		struct waiting *w = list_entry(h->waiting.next, struct waiting, link);

		if (fd_send(h->fd, &w->request, sizeof(w->request), NULL, 0) < 0)
			return;
		waiting_free(h, w);
	}
	ignore_result(loop_fd_set(&h->source, LOOP_READ));
}

static void on_socket(int fd, int events, void *userdata)
{
	struct prober_helper *h = userdata;

	if (events & LOOP_WRITE)
		flush(h);
	for (int i = 0; (events & LOOP_READ) && i < REPLIES_PER_TURN; i++) {
		if (!take_reply(h))
			return;
	}
}

static int spawn_helper(const char *program, int socket, pid_t *ret_pid)
{
	char *argv[] = {(char *)program, NULL};
	char *env[] = {NULL};
	struct spawn s = {
		.argv = argv,
		.env = env,
		.in_fd = socket,
		.out_fd = -1,
		.err_fd = -1,
		.session = true,
	};

	return spawn_run(&s, ret_pid);
}

static int start(struct prober_helper *h)
{
	cleanup_free char *program = paths_program("slicekeep-probe");
	cleanup_close int theirs = -1;
	int pair[2];
	int r;

	if (!program)
		return -errno;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -errno;
	h->fd = pair[0];
	theirs = pair[1];
	r = loop_fd_init(&h->source, h->loop, h->fd, LOOP_READ, on_socket, h);
	if (r == 0)
		r = spawn_helper(program, theirs, &h->pid);
	if (r == 0)
		r = loop_pid_init(&h->end, h->loop, h->pid, -1, on_end, h);
	if (r < 0) {
		/* If it does run, it ends with the socket, and is reaped as a stranger. */
		hang_up(h);
		h->pid = 0;
	}
	return r;
}

int prober_helper_new(struct loop *loop, const struct prober_helper_events *events, void *userdata,
		      struct prober_helper **ret_helper)
{
	struct prober_helper *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	list_init(&h->waiting);
	h->loop = loop;
	h->events = events;
	h->userdata = userdata;
	h->fd = -1;
	*ret_helper = h;
	return 0;
}

void prober_helper_free(struct prober_helper *h)
{
	if (!h)
		return;
	hang_up(h);
	loop_pid_done(&h->end);
	free(h);
}

pid_t prober_helper_pid(const struct prober_helper *h)
{
	return h->pid;
}

static int enqueue(struct prober_helper *h, const struct probe_request *request)
{
	struct waiting *w;

	if (h->n_waiting == PROBER_HELPER_WAITING_MAX)
		return -ENOBUFS;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->request = *request;
	list_append(&h->waiting, &w->link);
	h->n_waiting++;
	return loop_fd_set(&h->source, LOOP_READ | LOOP_WRITE);
}

static int send_request(struct prober_helper *h, const struct probe_request *request)
{
	int r = -EAGAIN;

	if (list_empty(&h->waiting))
		r = fd_send(h->fd, request, sizeof(*request), NULL, 0);
	return r == -EAGAIN ? enqueue(h, request) : r;
}

int prober_helper_ask(struct prober_helper *h, uint64_t id, enum probe_kind kind,
		      const char *target, usec_t timeout_usec, struct error *err)
{
	struct probe_request request = {
		.magic = PROBE_MAGIC,
		.version = PROBE_VERSION,
		.kind = (uint16_t)kind,
		.id = id,
		.timeout_usec = timeout_usec,
	};
	int r = 0;

	if (strlen(target) >= sizeof(request.target))
		return error_set(err, -E2BIG, "the address of the probe is longer than %d bytes",
				 PROBE_TARGET_MAX - 1);
	snprintf(request.target, sizeof(request.target), "%s", target);
	if (h->pid == 0)
		r = start(h);
	if (r < 0)
		return error_set(err, r, "cannot start slicekeep-probe: %s", strerror(-r));
	r = h->fd < 0 ? -EPIPE : send_request(h, &request);
	if (r == -ENOBUFS)
		return error_set(err, r, "%d probes wait already", PROBER_HELPER_WAITING_MAX);
	if (r < 0)
		return error_set(err, r, "slicekeep-probe does not take requests: %s",
				 strerror(-r));
	return 0;
}

void prober_helper_cancel(struct prober_helper *h, uint64_t id)
{
	struct probe_request request = {
		.magic = PROBE_MAGIC,
		.version = PROBE_VERSION,
		.kind = PROBE_CANCEL,
		.id = id,
	};

	list_for_each(it, &h->waiting) {
		struct waiting *w = list_entry(it, struct waiting, link);

		if (w->request.id == id && w->request.kind != PROBE_CANCEL) {
			waiting_free(h, w);
			return;
		}
	}
	/* One that cannot be told ends by its own deadline. */
	if (h->fd >= 0)
		ignore_result(send_request(h, &request));
}
