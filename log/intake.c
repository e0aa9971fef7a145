/* SPDX-License-Identifier: MIT */

/*
 * The intake: keepers connect, offer pipes and are told what is stored.
 *
 * There is one answer to everything that goes wrong with a keeper (a frame that is none, no memory,
 * no descriptors): hang up. A keeper that is hung up on comes back and offers all its pipes again,
 * which is what it does after our death anyway; so the path that must work is the only path. Its
 * pipes are collected from all the time in between.
 *
 * The supervisor is a keeper like others, and says beside that what is to be kept of each service.
 * On a full disk it is told of hundreds of streams at once, which is more than its socket takes. To
 * hang up on it would be to tell it the same from the beginning, for ever: so answers wait until
 * there is room, up to ANSWERS_MAX of them.
 */

#include "log/intake.h"

#include <string.h>

#include "lib/fd.h"
#include "lib/list.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/text.h"
#include "lib/varlink/listener.h"

#include "log/stream-id.h"
#include "log/writer.h"

/** Frames of one keeper before others have their turn. */
#define TURN_FRAMES_MAX 16
/** Answers that wait until a keeper reads; the supervisor hears of no more streams either. */
#define ANSWERS_MAX 4096

struct intake {
	struct loop *loop;
	struct writer *writer;
	struct listener *listener;
	struct list keepers;
	unsigned n_keepers;
};

struct answer {
	struct list link;
	struct intake_frame frame;
};

/**
 * struct keeper
 * @answers: @n_answers that its socket had no room for
 */
struct keeper {
	struct list link;
	struct intake *intake;
	struct writer_peer peer;
	struct loop_fd source;
	struct list answers;
	unsigned n_answers;
	pid_t pid;
	int fd;
};

bool intake_frame_valid(const struct intake_frame *f, size_t n_bytes, size_t n_fds)
{
	if (n_bytes != sizeof(*f) || f->magic != INTAKE_MAGIC)
		return false;
	if (f->kind != INTAKE_OFFER && f->kind != INTAKE_END)
		return false;
	if (f->kind == INTAKE_OFFER ? n_fds < 1 || n_fds > INTAKE_FDS_MAX : n_fds != 0)
		return false;
	if (!stream_name(f->stream) || f->policy > INTAKE_POLICY_DROP)
		return false;
	return memchr(f->name, '\0', sizeof(f->name)) && text_name_valid(f->name);
}

bool intake_retain_valid(const struct intake_retain *f, size_t n_bytes, size_t n_fds)
{
	if (n_bytes != sizeof(*f) || n_fds != 0 || f->magic != INTAKE_MAGIC)
		return false;
	if (f->kind != INTAKE_RETAIN || f->round == 0)
		return false;
	return f->name[0] == '\0' ||
	       (memchr(f->name, '\0', sizeof(f->name)) && text_name_valid(f->name));
}

static void answer_free(struct keeper *k, struct answer *a)
{
	list_remove(&a->link);
	free(a);
	k->n_answers--;
}

static void keeper_free(struct keeper *k)
{
	writer_forget(k->intake->writer, &k->peer);
	list_for_each_safe(it, &k->answers)
		answer_free(k, list_entry(it, struct answer, link));
	loop_fd_done(&k->source);
	close_fd(&k->fd);
	list_remove(&k->link);
	k->intake->n_keepers--;
	free(k);
}

/* 1 when a frame was taken, 0 when there is none now, negative to hang up. */
static int keeper_receive(struct keeper *k)
{
	union {
		struct intake_frame frame;
		struct intake_retain retain;
	} said;
	int fds[INTAKE_FDS_MAX];
	size_t n_fds = 0;
	ssize_t n = fd_receive(k->fd, &said, sizeof(said), fds, INTAKE_FDS_MAX, &n_fds);
	int r;

	if (n == -EAGAIN || n == -EINTR)
		return 0;
	if (n <= 0)
		return n < 0 ? (int)n : -ECONNRESET;
	if (intake_retain_valid(&said.retain, (size_t)n, n_fds)) {
		r = writer_retain(k->intake->writer, &said.retain, &k->peer);
		return r < 0 ? r : 1;
	}
	if (!intake_frame_valid(&said.frame, (size_t)n, n_fds)) {
		while (n_fds > 0)
			close_fd(&fds[--n_fds]);
		return -EBADMSG;
	}
	if (said.frame.kind == INTAKE_OFFER) {
		r = writer_offer(k->intake->writer, &said.frame, fds, n_fds, &k->peer);
		return r < 0 ? r : 1;
	}
	writer_end(k->intake->writer, &said.frame);
	return 1;
}

static int keeper_hold(struct keeper *k, const struct intake_frame *frame)
{
	struct answer *a = k->n_answers < ANSWERS_MAX ? malloc(sizeof(*a)) : NULL;

	if (!a)
		return -ENOBUFS;
	a->frame = *frame;
	list_append(&k->answers, &a->link);
	k->n_answers++;
	return loop_fd_set(&k->source, LOOP_READ | LOOP_WRITE);
}

/* What waits, as far as there is room. Return: 1, or negative to hang up. */
static int keeper_flush(struct keeper *k)
{
	int r = 0;

	while (r == 0 && !list_empty(&k->answers)) {
		struct answer *a = list_entry(k->answers.next, struct answer, link);

		r = fd_send(k->fd, &a->frame, sizeof(a->frame), NULL, 0);
		if (r == 0)
			answer_free(k, a);
	}
	if (r == 0)
		r = loop_fd_set(&k->source, LOOP_READ);
	return r < 0 && r != -EAGAIN ? r : 1;
}

static void on_keeper(int fd, int events, void *userdata)
{
	struct keeper *k = userdata;
	int r = events & LOOP_WRITE ? keeper_flush(k) : 1;

	for (int i = 0; i < TURN_FRAMES_MAX && r > 0; i++)
		r = keeper_receive(k);
	if (r >= 0)
		return;
	if (r != -ECONNRESET && r != -EPIPE)
		log_warning("hung up on keeper %d, it will come back: %s", (int)k->pid,
			    r == -EBADMSG ? "not a frame" : strerror(-r));
	keeper_free(k);
}

static void on_connection(int fd, void *userdata)
{
	struct intake *i = userdata;
	cleanup_close int owned = fd;
	struct fd_peer peer;
	struct keeper *k;

	if (fd_peer_get(fd, &peer) < 0 || i->n_keepers >= INTAKE_KEEPERS_MAX)
		return;
	if (peer.uid != 0 && peer.uid != geteuid()) {
		log_warning("refused pipes of uid %d: only root and uid %d may hand over pipes",
			    (int)peer.uid, (int)geteuid());
		return;
	}
	k = calloc(1, sizeof(*k));
	if (!k)
		return;
	*k = (struct keeper){.intake = i, .pid = peer.pid, .fd = fd};
	if (loop_fd_init(&k->source, i->loop, fd, LOOP_READ, on_keeper, k) < 0) {
		free(k);
		return;
	}
	(void)steal_fd(&owned);
	list_init(&k->answers);
	list_init(&k->peer.pipes);
	list_append(&i->keepers, &k->link);
	i->n_keepers++;
}

void intake_tell(struct writer_peer *peer, const struct intake_frame *frame)
{
	struct keeper *k = container_of(peer, struct keeper, peer);
	int r = list_empty(&k->answers) ? fd_send(k->fd, frame, sizeof(*frame), NULL, 0) : -EAGAIN;

	if (r == -EAGAIN)
		r = keeper_hold(k, frame);
	if (r == 0)
		return;
	/* One that has left did not wait for an answer: its pipes were empty. */
	if (r != -EPIPE && r != -ECONNRESET)
		log_warning("hung up on keeper %d, it will come back: %s", (int)k->pid,
			    strerror(-r));
	keeper_free(k);
}

void intake_finish(struct intake *i)
{
	listener_accept(i->listener);
	list_for_each_safe(it, &i->keepers) {
		struct keeper *k = list_entry(it, struct keeper, link);

		on_keeper(k->fd, LOOP_READ, k);
	}
}

int intake_new(struct loop *l, struct writer *w, int fd, struct intake **ret_intake)
{
	cleanup_close int owned = fd;
	struct intake *i = calloc(1, sizeof(*i));
	int r;

	if (!i)
		return -ENOMEM;
	i->loop = l;
	i->writer = w;
	list_init(&i->keepers);
	r = listener_new(l, steal_fd(&owned), on_connection, i, &i->listener);
	if (r < 0) {
		free(i);
		return r;
	}
	*ret_intake = i;
	return 0;
}

void intake_free(struct intake *i)
{
	if (!i)
		return;
	listener_free(i->listener);
	list_for_each_safe(it, &i->keepers)
		keeper_free(list_entry(it, struct keeper, link));
	free(i);
}
