/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "supervisor/keeper/cgroup.h"
#include "supervisor/keeper/child.h"
#include "supervisor/keeper/control.h"
#include "supervisor/keeper/life.h"
#include "supervisor/keeper/machine.h"
#include "supervisor/keeper/mailbox.h"
#include "supervisor/keeper/notify.h"
#include "supervisor/keeper/page.h"
#include "supervisor/keeper/pipes.h"
#include "supervisor/keeper/sockets.h"
#include "supervisor/keeper/spec.h"
#include "supervisor/keeper/sweep.h"

struct options;

/**
 * struct keeper - all there is
 * @spec:         what runs, or ran last; no argv: not read yet
 * @next:         what is to run from the next start on; no argv: the same
 * @spec_path:    NULL when the command line says what to run
 * @argv:         our own command line
 * @has_children: somebody is left to be reaped
 * @is_changed:   subscribers are to be told, at the end of the turn
 * @is_noticed:   the same because the payload said so, which may wait until @quiet_usec
 * @is_told:      somebody told us to leave
 * @is_relaying:  what the payload says is passed on to our own service manager
 * @n_unsent:     exits in the page that the subscribers have not been told
 * @orderer:      who gave the order of this turn and wants no answer: that we stop is no news there
 * @is_unit:      we are the main process of a unit of systemd: another keeper follows a dead one
 * @is_revived:   a keeper of this unit was killed, and we have found what it left
 * @has_begun:    whether the payload is to run is known, and worth telling the next keeper
 * @is_unwilled:  the last letter to the next keeper could not be written, and that has been said
 * @asker:        who asked for the last start or stop
 */
struct keeper {
	struct spec spec;
	struct spec next;
	const char *spec_path;
	char **argv;
	struct machine machine;
	struct life life;
	struct child child;
	struct cgroup cgroup;
	struct cgroup_counters counters;
	struct sweep sweep;
	struct notify notify;
	struct pipes pipes;
	struct control control;
	struct sockets sockets;
	struct mailbox mailbox;
	struct page *page;
	int page_fd;
	bool has_children;
	bool is_changed;
	bool is_noticed;
	bool is_told;
	bool is_unit;
	bool is_revived;
	bool has_begun;
	bool is_unwilled;
	bool is_relaying;
	bool is_alone; /* started by hand, not by a supervisor: leave when there is nothing to do */
	usec_t quiet_usec;
	uint32_t n_unsent;
	const struct control_peer *orderer;
	char asker[KEEPER_ASKER_MAX];
};

/**
 * keeper_init() - ready to start, or to go on when the options say so
 * @k:       all zero
 * @options: borrowed for ever
 *
 * Return: 0, or negative errno after saying why.
 */
must_check int keeper_init(struct keeper *k, const struct options *options);

/**
 * keeper_feed() - let the machine take an event, and do all that follows from it
 *
 * Context: may spawn; returns when the payload has become one or failed.
 * Return: 0 or what the machine answers.
 */
must_check int keeper_feed(struct keeper *k, enum machine_event_kind kind);

/** keeper_ask() - the same on behalf of @asker, who will be named in reports */
must_check int keeper_ask(struct keeper *k, enum machine_event_kind kind, const char *asker);

/** keeper_fail() - MACHINE_FAIL with its cause */
must_check int keeper_fail(struct keeper *k, enum keeper_cause cause, const char *asker);

/** keeper_hold() - MACHINE_HOLD with its time */
must_check int keeper_hold(struct keeper *k, usec_t until_usec);

/** keeper_read_spec() - read the spec file for the next start; Return: 0 or negative errno, said */
must_check int keeper_read_spec(struct keeper *k);

/** keeper_reload() - read the spec file and let what can change at once change; as above */
must_check int keeper_reload(struct keeper *k);

/** keeper_reap() - take what has died; Return: whether more is waiting */
bool keeper_reap(struct keeper *k);

/** keeper_end_foreign() - the main process, which is not our child, has ended */
void keeper_end_foreign(struct keeper *k);

/** keeper_sweep_on() - go on with a sweep, if there is one; @has_dead: left to be reaped first */
void keeper_sweep_on(struct keeper *k, bool has_dead);

/** keeper_take_notice() - the payload has said something */
void keeper_take_notice(struct keeper *k, const struct notice *n);

/** keeper_set_ready() - the payload, or the supervisor about it, says that it is (not) ready */
void keeper_set_ready(struct keeper *k, bool is_ready);

/** keeper_is_quiet() - whether nobody is to hear yet of the life that runs */
bool keeper_is_quiet(const struct keeper *k);

/** keeper_exit_code() - what the keeper exits with, once the machine has LEFT */
int keeper_exit_code(const struct keeper *k);
