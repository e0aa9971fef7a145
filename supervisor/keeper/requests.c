/* SPDX-License-Identifier: MIT */

/*
 * What peers ask for. The answer says that a request was taken, or why not; what comes of it
 * follows as snapshots and exits. A spec that cannot be read refuses the start or restart before
 * anything has been stopped.
 */

#include "supervisor/keeper/requests.h"

#include <string.h>

#include "supervisor/keeper/bulletin.h"
#include "supervisor/keeper/handover.h"
#include "supervisor/keeper/keeper.h"
#include "supervisor/keeper/tree.h"

/* Return: 0 or negative errno for the answer, or ANSWERED. */
typedef int request_fn(struct keeper *k, struct control_peer *peer, struct control_words *w);

enum {
	ANSWERED = 1,
};

static int take_start(struct keeper *k, struct control_peer *peer, struct control_words *w)
{
	int r;

	if (k->machine.state == MACHINE_RUNNING)
		return 0;
	r = keeper_read_spec(k);
	return r < 0 ? r : keeper_ask(k, MACHINE_START, w->request.asker);
}

static int take_restart(struct keeper *k, struct control_peer *peer, struct control_words *w)
{
	int r = keeper_read_spec(k);

	return r < 0 ? r : keeper_ask(k, MACHINE_RESTART, w->request.asker);
}

static int take_stop(struct keeper *k, struct control_peer *peer, struct control_words *w)
{
	return keeper_ask(k, MACHINE_STOP, w->request.asker);
}

static int take_leave(struct keeper *k, struct control_peer *peer, struct control_words *w)
{
	return keeper_ask(k, MACHINE_LEAVE, w->request.asker);
}

static int take_fail(struct keeper *k, struct control_peer *peer, struct control_words *w)
{
	return keeper_fail(k, w->request.cause, w->request.asker);
}

static int take_signal(struct keeper *k, struct control_peer *peer, struct control_words *w)
{
	return life_signal(&k->life, w->request.arg);
}

static int take_subscribe(struct keeper *k, struct control_peer *peer, struct control_words *w)
{
	const struct keeper_exit *report;
	uint64_t life = w->request.since_life;

	/* The others first, or an exit of this turn would be told to the new one twice. */
	bulletin_publish(k);
	control_answer(peer, w->request.serial, 0);
	peer->is_subscribed = peer->fd >= 0;
	while ((report = page_exit_after(k->page, life))) {
		control_send(peer, report, sizeof(*report), NULL, 0);
		life = report->life;
	}
	requests_greet(k, peer);
	return ANSWERED;
}

static int take_reload(struct keeper *k, struct control_peer *peer, struct control_words *w)
{
	return keeper_reload(k);
}

static int take_get_fds(struct keeper *k, struct control_peer *peer, struct control_words *w)
{
	struct keeper_answer answer = {
		.header = control_header(KEEPER_MESSAGE_ANSWER),
		.serial = w->request.serial,
		.arg = (int32_t)k->sockets.n,
	};

	memcpy(answer.fd_names, k->sockets.names, sizeof(answer.fd_names));
	control_send(peer, &answer, sizeof(answer), k->sockets.fds, k->sockets.n);
	return ANSWERED;
}

static int take_set_fds(struct keeper *k, struct control_peer *peer, struct control_words *w)
{
	return sockets_set(&k->sockets, w->fds, w->n_fds, w->request.fd_names);
}

static int take_hold(struct keeper *k, struct control_peer *peer, struct control_words *w)
{
	return keeper_hold(k, w->request.until_usec);
}

static int take_ready(struct keeper *k, struct control_peer *peer, struct control_words *w)
{
	keeper_set_ready(k, true);
	return 0;
}

static int take_reexec(struct keeper *k, struct control_peer *peer, struct control_words *w)
{
	return handover_exec(k, (uint32_t)(peer - k->control.peers), w->request.serial);
}

static request_fn *const table[] = {
	[KEEPER_START] = take_start,         [KEEPER_STOP] = take_stop,
	[KEEPER_LEAVE] = take_leave,         [KEEPER_RESTART] = take_restart,
	[KEEPER_FAIL] = take_fail,           [KEEPER_SIGNAL] = take_signal,
	[KEEPER_SUBSCRIBE] = take_subscribe, [KEEPER_RELOAD] = take_reload,
	[KEEPER_GET_FDS] = take_get_fds,     [KEEPER_SET_FDS] = take_set_fds,
	[KEEPER_HOLD] = take_hold,           [KEEPER_READY] = take_ready,
	[KEEPER_REEXEC] = take_reexec,
};
static_assert(ARRAY_LEN(table) == KEEPER_COMMAND_COUNT, "a handler for each command");

void requests_take(struct keeper *k, struct control_peer *peer, struct control_words *words)
{
	int r = table[words->request.command](k, peer, words);

	if (r == 0 && words->request.serial == 0)
		k->orderer = peer;
	if (r < 0 || (r != ANSWERED && words->request.serial != 0))
		control_answer(peer, words->request.serial, r);
}

/* Only for who has just come: asking /proc costs a third of what a whole restart does. */
static void find_main_start(struct keeper *k)
{
	struct tree_process process;

	if (k->life.pid > 0 && k->life.pid_start == 0 && tree_look(k->life.pid, &process) == 0)
		k->life.pid_start = process.start;
}

void requests_greet(struct keeper *k, struct control_peer *peer)
{
	struct keeper_snapshot snapshot;

	find_main_start(k);
	bulletin_snapshot(k, &snapshot);
	control_send(peer, &snapshot, sizeof(snapshot), NULL, 0);
}
