/* SPDX-License-Identifier: MIT */
#include "supervisor/keeper-link.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/list.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "supervisor/crowd.h"

/*
 * The supervisor's end of a keeper's control socket.
 *
 * A keeper is trusted with its own payload and with nothing else: a message that is too short, too
 * long, of another version or out of place ends the link, and what is left of the keeper is then
 * judged by its process, never by guessing at bytes.
 *
 * A request never waits for the keeper. What the socket does not take is queued here and goes out
 * when it takes more; a keeper that has not read REQUESTS_MAX requests is stuck, and one more is
 * refused instead of growing the queue. Only the subscription asks for an answer, which parts the
 * past from the news; of everything else the snapshots tell what came of it. The end of the
 * connection is told once, from the loop, and never from inside keeper_link_send(): the caller is
 * in the middle of its own change of state.
 *
 * A keeper whose service crashes again and again, and at once, has little to say, and nothing that
 * anybody waits for: until it says something else, or is asked for something, it is listened to
 * together with others like it (crowd.c). Its restart is not due before it was heard, so it never
 * has more to say meanwhile than of one life.
 */

/** Requests that wait for a keeper to read. */
#define REQUESTS_MAX 64
/** Messages of one keeper in one turn of the loop, so that a storm of one does not starve others.
 */
#define MESSAGES_PER_TURN 16
/** A life that ends so soon is followed by one that is told of by its end only (control-frame.h).
 */
#define QUICK_USEC (10 * USEC_PER_MSEC)

/* One request that the socket did not take; @fds are duplicates of our own. */
struct pending {
	struct list link;
	struct keeper_request request;
	int fds[KEEPER_FDS_MAX];
	size_t n_fds;
};

struct keeper_link {
	struct crowd *crowd;
	struct crowd_member member;
	struct loop_fd source; /* watches nothing while we are a member */
	const struct keeper_link_events *events;
	void *userdata;
	struct list pending;
	size_t n_pending;
	bool ended;
	bool asked;  /* something, and what comes of it was not told yet */
	bool busy;   /* inside a callback */
	bool let_go; /* freed there: it goes when the callback has returned */
	int fd;
};

/* Any message that a keeper may send. */
union message {
	struct keeper_header header;
	struct keeper_snapshot snapshot;
	struct keeper_exit report;
	struct keeper_answer answer;
};

static void pending_free(struct pending *p)
{
	list_remove(&p->link);
	for (size_t i = 0; i < p->n_fds; i++)
		close_fd(&p->fds[i]);
	free(p);
}

static void close_fds(int *fds, size_t n_fds)
{
	for (size_t i = 0; i < n_fds; i++)
		close_fd(&fds[i]);
}

/* Nothing more comes or goes; the owner still has to free the link. */
static void link_end(struct keeper_link *k)
{
	k->ended = true;
	crowd_leave(&k->member);
	loop_fd_done(&k->source);
	close_fd(&k->fd);
	k->events->gone(k->userdata);
}

/* --- alone, or in the crowd ---------------------------------------------------------------- */

static void on_socket(int fd, int events, void *userdata);

static void on_crowd(void *userdata)
{
	struct keeper_link *k = userdata;

	on_socket(k->fd, LOOP_READ, k);
}

/* Where that fails it stays as it is, and is heard as well. */
static void step_aside(struct keeper_link *k)
{
	if (k->member.crowd || k->asked || !list_empty(&k->pending))
		return;
	if (crowd_join(k->crowd, &k->member, k->fd, on_crowd, k) == 0)
		ignore_result(loop_fd_set(&k->source, 0));
}

static void step_forward(struct keeper_link *k)
{
	if (k->member.crowd && loop_fd_set(&k->source, LOOP_READ) == 0)
		crowd_leave(&k->member);
}

static bool is_one_of_many(const struct keeper_exit *e)
{
	return e->n_failures >= KEEPER_BUDGET_FROM && e->uptime_usec < QUICK_USEC &&
	       e->next_usec > usec_add(clock_now_usec(), CROWD_NAP_USEC);
}

/* Whether an answer, or another state than KEEPER_BACKOFF, will tell what comes of it. */
static bool is_awaited(uint32_t command)
{
	return command != KEEPER_HOLD && command != KEEPER_READY && command != KEEPER_RELOAD;
}

/* Before the message is told: who is told may ask the keeper for something. A death that was on its
 * way when it was asked is not what comes of it. */
static void find_place(struct keeper_link *k, const union message *m)
{
	switch (m->header.message) {
	case KEEPER_MESSAGE_EXIT:
		if (is_one_of_many(&m->report))
			step_aside(k);
		else
			step_forward(k);
		break;
	case KEEPER_MESSAGE_SNAPSHOT:
		if (m->snapshot.state == KEEPER_BACKOFF)
			break;
		k->asked = false;
		step_forward(k);
		break;
	default:
		k->asked = false;
		break;
	}
}

/* --- messages ------------------------------------------------------------------------------ */

/* Whether @n bytes are a message of this version with the length that its kind has. */
static bool message_fits(const union message *m, size_t n)
{
	if (n < sizeof(m->header) || m->header.magic != KEEPER_MAGIC)
		return false;
	if (m->header.version != KEEPER_VERSION) {
		log_error("a keeper speaks version %u of the control protocol, this is version %d: "
			  "restart its service",
			  m->header.version, KEEPER_VERSION);
		return false;
	}
	switch (m->header.message) {
	case KEEPER_MESSAGE_SNAPSHOT:
		return n == sizeof(m->snapshot) && m->snapshot.state < KEEPER_STATE_COUNT;
	case KEEPER_MESSAGE_EXIT:
		return n == sizeof(m->report) && m->report.cause < KEEPER_CAUSE_COUNT;
	case KEEPER_MESSAGE_ANSWER:
		return n == sizeof(m->answer);
	default:
		return false;
	}
}

/* The texts in a message end inside their field, whatever the keeper wrote. */
static void message_close_texts(union message *m)
{
	if (m->header.message == KEEPER_MESSAGE_SNAPSHOT) {
		m->snapshot.status[KEEPER_STATUS_MAX - 1] = '\0';
		m->snapshot.asker[KEEPER_ASKER_MAX - 1] = '\0';
	} else if (m->header.message == KEEPER_MESSAGE_EXIT) {
		m->report.path[KEEPER_PATH_MAX - 1] = '\0';
		m->report.asker[KEEPER_ASKER_MAX - 1] = '\0';
	} else if (m->header.message == KEEPER_MESSAGE_ANSWER) {
		for (size_t i = 0; i < KEEPER_FDS_MAX; i++)
			m->answer.fd_names[i][KEEPER_FD_NAME_MAX - 1] = '\0';
	}
}

static void message_tell(struct keeper_link *k, const union message *m, int *fds, size_t n_fds)
{
	const struct keeper_link_events *e = k->events;

	switch (m->header.message) {
	case KEEPER_MESSAGE_SNAPSHOT:
		e->snapshot(&m->snapshot, k->userdata);
		break;
	case KEEPER_MESSAGE_EXIT:
		e->exited(&m->report, k->userdata);
		break;
	case KEEPER_MESSAGE_ANSWER:
		if (n_fds > 0 && e->sockets)
			e->sockets(&m->answer, fds, n_fds, k->userdata);
		else
			e->answer(&m->answer, k->userdata);
		break;
	default:
		break;
	}
}

/* Takes one message. Return: whether there may be another one: a snapshot is what a keeper says
 * last, and to ask again whether it has said more would cost as much as the next turn. */
static bool take_message(struct keeper_link *k)
{
	union message m = {0};
	int fds[KEEPER_FDS_MAX];
	size_t n_fds = 0;
	ssize_t n = fd_receive(k->fd, &m, sizeof(m), fds, ARRAY_LEN(fds), &n_fds);

	if (n == -EAGAIN)
		return false;
	if (n > 0 && !message_fits(&m, (size_t)n))
		n = -EBADMSG;
	if (n <= 0) {
		close_fds(fds, n_fds);
		link_end(k);
		return false;
	}
	message_close_texts(&m);
	find_place(k, &m);
	message_tell(k, &m, fds, n_fds);
	close_fds(fds, n_fds);
	return !k->let_go && m.header.message != KEEPER_MESSAGE_SNAPSHOT;
}

/* Sends what waits, as far as the keeper takes it. A broken connection is noticed by reading. */
static void flush(struct keeper_link *k)
{
	while (!list_empty(&k->pending)) {
		struct pending *p = list_entry(k->pending.next, struct pending, link);

		if (fd_send(k->fd, &p->request, sizeof(p->request), p->fds, p->n_fds) < 0)
			return;
		pending_free(p);
		k->n_pending--;
	}
	ignore_result(loop_fd_set(&k->source, LOOP_READ));
}

static void on_socket(int fd, int events, void *userdata)
{
	struct keeper_link *k = userdata;

	if (events & LOOP_WRITE)
		flush(k);
	if (!(events & LOOP_READ))
		return;
	k->busy = true;
	for (int i = 0; i < MESSAGES_PER_TURN; i++) {
		if (!take_message(k))
			break;
	}
	k->busy = false;
	if (k->let_go)
		keeper_link_free(k);
}

int keeper_link_open(struct crowd *crowd, const char *path, uint64_t since_life,
		     const struct keeper_link_events *events, void *userdata,
		     struct keeper_link **ret_link)
{
	struct keeper_request subscribe = {
		.command = KEEPER_SUBSCRIBE,
		.serial = 1,
		.since_life = since_life,
	};
	struct keeper_link *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return -ENOMEM;
	list_init(&k->pending);
	k->crowd = crowd;
	k->events = events;
	k->userdata = userdata;
	k->fd = fd_unix_connect(path, SOCK_SEQPACKET);
	r = k->fd < 0 ? k->fd : 0;
	if (r == 0)
		r = loop_fd_init(&k->source, crowd_loop(crowd), k->fd, LOOP_READ, on_socket, k);
	if (r == 0)
		r = keeper_link_send(k, &subscribe, NULL, 0);
	if (r < 0) {
		keeper_link_free(k);
		return r;
	}
	*ret_link = k;
	return 0;
}

void keeper_link_free(struct keeper_link *k)
{
	if (!k)
		return;
	crowd_leave(&k->member);
	if (k->busy) {
		loop_fd_done(&k->source);
		k->ended = true;
		k->let_go = true;
		return;
	}
	list_for_each_safe(it, &k->pending)
		pending_free(list_entry(it, struct pending, link));
	loop_fd_done(&k->source);
	close_fd(&k->fd);
	free(k);
}

static int enqueue(struct keeper_link *k, const struct keeper_request *request, const int *fds,
		   size_t n_fds)
{
	struct pending *p;

	step_forward(k);
	if (k->n_pending == REQUESTS_MAX)
		return -ENOBUFS;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	list_init(&p->link);
	p->request = *request;
	for (; p->n_fds < n_fds; p->n_fds++) {
		p->fds[p->n_fds] = fcntl(fds[p->n_fds], F_DUPFD_CLOEXEC, 3);
		if (p->fds[p->n_fds] < 0) {
			int r = -errno;

			pending_free(p);
			return r;
		}
	}
	list_append(&k->pending, &p->link);
	k->n_pending++;
	return loop_fd_set(&k->source, LOOP_READ | LOOP_WRITE);
}

int keeper_link_send(struct keeper_link *k, const struct keeper_request *request, const int *fds,
		     size_t n_fds)
{
	struct keeper_request filled = *request;
	int r;

	if (k->ended)
		return -ENOTCONN;
	if (n_fds > KEEPER_FDS_MAX)
		return -E2BIG;
	if (is_awaited(request->command)) {
		k->asked = true;
		step_forward(k);
	}
	filled.header = (struct keeper_header){
		.magic = KEEPER_MAGIC,
		.version = KEEPER_VERSION,
		.message = KEEPER_MESSAGE_REQUEST,
	};
	if (!list_empty(&k->pending))
		return enqueue(k, &filled, fds, n_fds);
	r = fd_send(k->fd, &filled, sizeof(filled), fds, n_fds);
	return r == -EAGAIN ? enqueue(k, &filled, fds, n_fds) : r;
}

int keeper_link_command(struct keeper_link *k, enum keeper_command command, const char *asker)
{
	struct keeper_request request = {.command = command};

	if (asker)
		memccpy(request.asker, asker, '\0', KEEPER_ASKER_MAX - 1);
	return keeper_link_send(k, &request, NULL, 0);
}
