/* SPDX-License-Identifier: MIT */

/*
 * The housekeeper, as the writer sees it: a process that makes one pass and ends.
 *
 * A pass is due at once when a segment has been sealed, and at the latest sync_usec after the first
 * byte that came since the last one began; while nothing is stored, none is. What a former writer
 * has stored may not have seen a pass: one is due for that, too. Passes never overlap, and one that
 * was asked for during another follows it.
 *
 * Before a packed file gets its name the housekeeper says so. Retention may have deleted that
 * segment a moment before, and nobody but us knows: where the housekeeper dies before it has seen
 * that itself, the file that it leaves is deleted here. Where it did not die, a segment that we do
 * not know is none of ours: somebody has put it there, and it stays.
 */

#include "log/housekeeper-child.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/spawn.h"

#include "log/board.h"
#include "log/stream.h"
#include "log/writer.h"

/** From the beginning of a pass to that of the next. */
#define INTERVAL_MIN_USEC (200 * USEC_PER_MSEC)
/** After a pass that failed. */
#define RETRY_USEC (10 * USEC_PER_SEC)

/**
 * struct housekeeper_child
 * @n_sealed @n_splices: what of the writer's counts has led to a pass
 * @due_usec:     when the next pass is due (monotonic); USEC_INFINITY: none is
 * @started_usec: when the last one began
 * @last:         what it said last, if @has_last
 */
struct housekeeper_child {
	struct loop *loop;
	struct writer *writer;
	struct loop_timer timer;
	struct loop_fd notes;
	struct loop_pid process;
	const char *log_dir;
	usec_t sync_usec;
	uint64_t n_sealed;
	uint64_t n_splices;
	usec_t due_usec;
	usec_t started_usec;
	struct housekeeper_note last;
	bool has_last;
	bool debug;
	int socket_fd;
};

static bool is_running(const struct housekeeper_child *c)
{
	return c->process.pid > 0;
}

static void child_schedule(struct housekeeper_child *c)
{
	usec_t earliest_usec = usec_add(c->started_usec, INTERVAL_MIN_USEC);

	if (is_running(c) || c->due_usec == USEC_INFINITY)
		return;
	if (loop_timer_set(&c->timer, MAX_OF(c->due_usec, earliest_usec)) < 0)
		log_error("cannot set a timer: nothing is packed or synced until the next start");
}

static void child_due(struct housekeeper_child *c, usec_t at_usec)
{
	if (at_usec >= c->due_usec)
		return;
	c->due_usec = at_usec;
	child_schedule(c);
}

/* --- what it says ----------------------------------------------------------------------------- */

static bool note_take(struct housekeeper_child *c)
{
	struct housekeeper_note note;

	if (recv(c->socket_fd, &note, sizeof(note), MSG_DONTWAIT) != sizeof(note))
		return false;
	note.id.service[STREAM_SERVICE_MAX] = '\0';
	stream_shared_packed(writer_shared(c->writer), &note.id, note.seq, note.bytes);
	c->last = note;
	c->has_last = true;
	return true;
}

static void on_note(int fd, int events, void *userdata)
{
	struct housekeeper_child *c = userdata;

	if (!note_take(c))
		ignore_result(loop_fd_set(&c->notes, 0)); /* its pidfd says the rest */
}

static void child_forget(struct housekeeper_child *c, bool has_died)
{
	while (c->socket_fd >= 0 && note_take(c))
		;
	loop_fd_done(&c->notes);
	close_fd(&c->socket_fd);
	if (c->has_last && has_died)
		stream_shared_disown(writer_shared(c->writer), &c->last.id, c->last.seq);
	c->has_last = false;
}

static void on_exit_of_housekeeper(pid_t pid, int wait_status, void *userdata)
{
	struct housekeeper_child *c = userdata;

	loop_pid_done(&c->process);
	c->process.pid = 0;
	child_forget(c, wait_status != 0);
	if (WIFSIGNALED(wait_status))
		log_warning("the housekeeper was killed by signal %d; collecting goes on",
			    WTERMSIG(wait_status));
	if (wait_status != 0)
		child_due(c, usec_add(clock_now_usec(), RETRY_USEC));
	child_schedule(c);
}

/* --- starting it ------------------------------------------------------------------------------ */

static int child_spawn(struct housekeeper_child *c, int socket_fd, pid_t *ret_pid)
{
	const char *argv[] = {"/proc/self/exe",
			      "--housekeeper",
			      "--log-dir",
			      c->log_dir,
			      "--sync",
			      c->sync_usec > 0 ? "1s" : "0",
			      c->debug ? "--debug" : NULL,
			      NULL};
	struct spawn spawn = {.argv = (char *const *)argv,
			      .in_fd = -1,
			      .out_fd = -1,
			      .err_fd = -1,
			      .fds = &socket_fd,
			      .n_fds = 1};

	return spawn_run(&spawn, ret_pid);
}

static int child_start(struct housekeeper_child *c)
{
	cleanup_close int theirs = -1;
	int fds[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	c->socket_fd = fds[0];
	theirs = fds[1];
	r = child_spawn(c, theirs, &pid);
	if (r == 0)
		r = loop_pid_init(&c->process, c->loop, pid, -1, on_exit_of_housekeeper, c);
	if (r == 0)
		r = loop_fd_init(&c->notes, c->loop, c->socket_fd, LOOP_READ, on_note, c);
	return r;
}

static void on_due(void *userdata)
{
	struct housekeeper_child *c = userdata;
	int r;

	if (is_running(c))
		return;
	c->due_usec = USEC_INFINITY;
	c->started_usec = clock_now_usec();
	r = child_start(c);
	if (r == 0)
		return;
	log_error("cannot start the housekeeper: %s; collecting goes on", strerror(-r));
	if (!is_running(c))
		child_forget(c, false);
	child_due(c, usec_add(c->started_usec, RETRY_USEC));
}

static void on_stored(void *userdata)
{
	struct housekeeper_child *c = userdata;
	const struct stream_shared *shared = writer_shared(c->writer);

	if (shared->n_sealed != c->n_sealed)
		child_due(c, clock_now_usec());
	else if (shared->board->splices != c->n_splices && c->sync_usec > 0 &&
		 c->due_usec == USEC_INFINITY)
		child_due(c, usec_add(clock_now_usec(), c->sync_usec));
	c->n_sealed = shared->n_sealed;
	c->n_splices = shared->board->splices;
}

int housekeeper_child_new(struct loop *l, struct writer *w, const char *log_dir, usec_t sync_usec,
			  bool debug, struct housekeeper_child **ret_child)
{
	struct housekeeper_child *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	*c = (struct housekeeper_child){.loop = l,
					.writer = w,
					.log_dir = log_dir,
					.sync_usec = sync_usec,
					.debug = debug,
					.due_usec = USEC_INFINITY,
					.socket_fd = -1,
					.process = {.pidfd = -1}};
	r = loop_timer_init(&c->timer, l, on_due, c);
	if (r < 0) {
		housekeeper_child_free(c);
		return r;
	}
	writer_watch(w, on_stored, c);
	if (writer_shared(w)->catalog.n_entries > 0)
		child_due(c, usec_add(clock_now_usec(),
				      sync_usec > 0 ? sync_usec : HOUSEKEEPER_SYNC_DEFAULT_USEC));
	*ret_child = c;
	return 0;
}

void housekeeper_child_free(struct housekeeper_child *c)
{
	if (!c)
		return;
	writer_watch(c->writer, NULL, NULL);
	loop_timer_done(&c->timer);
	loop_fd_done(&c->notes);
	if (is_running(c))
		loop_pid_done(&c->process);
	close_fd(&c->socket_fd);
	free(c);
}
