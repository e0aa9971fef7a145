/* SPDX-License-Identifier: MIT */

/*
 * One ppoll() over a dozen descriptors in fixed places; an absent one is -1, which the kernel
 * passes over. There is no timer descriptor and no tick: the earliest deadline of all is the
 * timeout, and a keeper with nothing due sleeps for ever.
 *
 * Within a turn the order matters in three places. A collector that has hung up is connected to
 * again before a signal is passed on, which may end the one that came after it. Notices are read
 * before anything is reaped, because their sender is looked up in /proc. And everything that one
 * death causes is done before anybody is told. Each source is read a bounded number of times a
 * turn, a peer once: asking it again whether there is more would cost what the next turn does.
 */

#include "supervisor/keeper/loop.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "supervisor/keeper/bulletin.h"
#include "supervisor/keeper/clock.h"
#include "supervisor/keeper/keeper.h"
#include "supervisor/keeper/requests.h"
#include "supervisor/keeper/will.h"

#define NOTICES_A_TURN 16

enum place {
	PLACE_SIGNALS,
	PLACE_NOTIFY,
	PLACE_MAIN,
	PLACE_CGROUP,
	PLACE_LISTENER,
	PLACE_LINK,
	PLACE_PEERS,
	PLACE_COUNT = PLACE_PEERS + CONTROL_PEERS_MAX,
};

struct turn {
	struct pollfd fds[PLACE_COUNT];
	bool has_dead; /* left to be reaped */
};

/* A restart is due, and what the collector says about the pipes of the last life can wait until
 * then: it is not worth a turn of its own. */
static bool is_in_no_hurry(const struct keeper *k)
{
	return k->machine.state == MACHINE_BACKOFF || k->machine.state == MACHINE_HELD;
}

static void fill(struct turn *t, const struct keeper *k, int signals)
{
	struct pollfd *fds = t->fds;
	bool is_sweeping = k->machine.state == MACHINE_SWEEPING;

	fds[PLACE_SIGNALS] = (struct pollfd){.fd = signals, .events = POLLIN};
	fds[PLACE_NOTIFY] = (struct pollfd){.fd = k->notify.fd, .events = POLLIN};
	fds[PLACE_MAIN] =
		(struct pollfd){.fd = k->life.is_foreign ? k->life.pidfd : -1, .events = POLLIN};
	fds[PLACE_CGROUP] =
		(struct pollfd){.fd = is_sweeping ? k->cgroup.events : -1, .events = POLLPRI};
	fds[PLACE_LISTENER] = (struct pollfd){.fd = k->control.listener, .events = POLLIN};
	fds[PLACE_LINK] = (struct pollfd){
		.fd = k->pipes.link,
		.events = (short)((is_in_no_hurry(k) ? 0 : POLLIN) |
				  (k->pipes.is_full ? POLLOUT : 0)),
	};
	for (size_t i = 0; i < CONTROL_PEERS_MAX; i++)
		fds[PLACE_PEERS + i] =
			(struct pollfd){.fd = k->control.peers[i].fd, .events = POLLIN};
}

static usec_t next_deadline(const struct keeper *k)
{
	usec_t next = MIN_OF(k->machine.deadline_usec, k->life.watch_usec);

	if (k->machine.state == MACHINE_SWEEPING && !k->spec.is_sweeping_main)
		next = MIN_OF(next, k->sweep.next_usec);
	if (k->is_noticed)
		next = MIN_OF(next, k->quiet_usec);
	if (k->pipes.n > 0 && k->pipes.link < 0)
		next = MIN_OF(next, k->pipes.retry_usec);
	return next;
}

static int wait_for(struct turn *t, const struct keeper *k)
{
	usec_t next = t->has_dead ? 0 : next_deadline(k), now, left;
	struct timespec timeout;

	if (next == USEC_INFINITY)
		return ppoll(t->fds, PLACE_COUNT, NULL, NULL) < 0 ? -errno : 0;
	now = clock_usec(CLOCK_MONOTONIC);
	left = usec_sub(next, now);
	timeout = (struct timespec){.tv_sec = (time_t)(left / USEC_PER_SEC),
				    .tv_nsec = (long)(left % USEC_PER_SEC) * 1000};
	return ppoll(t->fds, PLACE_COUNT, &timeout, NULL) < 0 ? -errno : 0;
}

static void read_signals(struct turn *t, struct keeper *k)
{
	struct signalfd_siginfo infos[4];
	ssize_t n = read(t->fds[PLACE_SIGNALS].fd, infos, sizeof(infos));

	for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(infos[0]); i++) {
		switch ((int)infos[i].ssi_signo) {
		case SIGCHLD:
			t->has_dead = true;
			break;
		case SIGHUP:
			ignore_result(keeper_reload(k));
			break;
		default:
			ignore_result(
				keeper_ask(k, MACHINE_LEAVE,
					   infos[i].ssi_signo == SIGINT ? "SIGINT" : "SIGTERM"));
		}
	}
}

static void read_notices(struct keeper *k)
{
	struct notice notice;
	/* What lives below a program that is not swept with it has keepers of its own to talk to.
	 */
	pid_t only = k->spec.is_sweeping_main ? k->life.pid : 0;
	int r = NOTIFY_NOTICE;

	for (int i = 0; i < NOTICES_A_TURN && r > 0; i++) {
		r = notify_read(&k->notify, only, &notice);
		if (r == NOTIFY_NOTICE)
			keeper_take_notice(k, &notice);
	}
}

static void read_peers(const struct turn *t, struct keeper *k)
{
	struct control_words words;

	for (size_t i = 0; i < CONTROL_PEERS_MAX; i++) {
		struct control_peer *peer = &k->control.peers[i];

		if (peer->fd < 0 || t->fds[PLACE_PEERS + i].fd != peer->fd ||
		    t->fds[PLACE_PEERS + i].revents == 0)
			continue;
		if (control_read(peer, &words) == 0)
			continue;
		requests_take(k, peer, &words);
		control_words_done(&words);
	}
}

static void take_deadlines(struct keeper *k)
{
	usec_t now = clock_usec(CLOCK_MONOTONIC);

	if (now >= k->life.watch_usec) {
		k->life.watch_usec = USEC_INFINITY;
		ignore_result(keeper_feed(k, MACHINE_WATCHDOG));
	}
	if (now >= k->machine.deadline_usec)
		ignore_result(keeper_feed(k, MACHINE_DEADLINE));
}

/* What a collector is told of is in our will by then. */
static void offer(struct keeper *k, usec_t now)
{
	pipes_prepare(&k->pipes);
	will_post(k);
	pipes_pump(&k->pipes, &k->spec, now);
}

/* The link has hung up: it is made anew before anything else of this turn. */
static void link_again(struct keeper *k)
{
	usec_t now = clock_usec(CLOCK_MONOTONIC);

	pipes_read(&k->pipes, now);
	offer(k, now);
}

/* The supervisor's keeper leaves last of all: whoever could start a collector has gone. */
static bool is_abandoned(const struct keeper *k)
{
	return k->spec.is_sweeping_main && k->pipes.is_refused;
}

/* The pipes of a life on trial are offered after it, or never, if it says nothing. A link that is
 * broken or full is waited for, and is not left as it is. */
static bool is_kept_back(const struct keeper *k)
{
	return keeper_is_quiet(k) && k->pipes.link >= 0 && !k->pipes.is_full;
}

static void take_output(const struct turn *t, struct keeper *k)
{
	usec_t now = clock_usec(CLOCK_MONOTONIC);

	if (k->pipes.link >= 0 && t->fds[PLACE_LINK].fd == k->pipes.link &&
	    (t->fds[PLACE_LINK].revents & (POLLIN | POLLHUP | POLLERR) ||
	     (!(t->fds[PLACE_LINK].events & POLLIN) && pipes_await(&k->pipes))))
		pipes_read(&k->pipes, now);
	if (!is_kept_back(k))
		offer(k, now);
	if (k->machine.state == MACHINE_DRAINING &&
	    (pipes_are_stored(&k->pipes) || is_abandoned(k)))
		ignore_result(keeper_feed(k, MACHINE_DRAINED));
}

static void take_turn(struct turn *t, struct keeper *k)
{
	struct control_peer *peer;

	if (t->fds[PLACE_LINK].revents & POLLHUP)
		link_again(k);
	if (t->fds[PLACE_NOTIFY].revents)
		read_notices(k);
	if (t->fds[PLACE_SIGNALS].revents)
		read_signals(t, k);
	if (t->has_dead)
		t->has_dead = keeper_reap(k);
	if (t->fds[PLACE_MAIN].revents && k->life.is_foreign && !t->has_dead)
		keeper_end_foreign(k);
	keeper_sweep_on(k, t->has_dead);
	take_deadlines(k);
	read_peers(t, k);
	if (t->fds[PLACE_LISTENER].revents && (peer = control_accept(&k->control)))
		requests_greet(k, peer);
	take_output(t, k);
	bulletin_publish(k);
	will_note(k);
	will_post(k);
}

int loop_run(struct keeper *k, int signals)
{
	/* Somebody may have died before the signals were watched. */
	struct turn t = {.has_dead = true};
	int r;

	while (k->machine.state != MACHINE_LEFT) {
		fill(&t, k, signals);
		r = wait_for(&t, k);
		if (r == -EINTR)
			continue;
		if (r < 0)
			return r;
		take_turn(&t, k);
	}
	return 0;
}
