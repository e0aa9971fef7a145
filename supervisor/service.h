/* SPDX-License-Identifier: MIT */
#pragma once

#include "config/model.h"
#include "config/plan.h"
#include "lib/base.h"
#include "lib/loop.h"
#include "supervisor/identity.h"
#include "supervisor/keeper/snapshot-frame.h"
#include "supervisor/readiness.h"
#include "supervisor/service-context.h"
#include "supervisor/slot.h"
#include "supervisor/sockets.h"

struct error;
struct gauge;
struct keeper_link;

#define SERVICE_NOTE_MAX 256

/**
 * struct service - a service as it is and as it shall be
 * @config @process: what it is; @process points into @config, which is held
 * @wanted:   it shall run
 * @renewing: it is stopped only to be started again, together with others
 * @system:   one of our own daemons
 * @removed:  not in the config any more; goes away once it has stopped
 * @unswept:  its keeper died, and not all that it left is known to be gone
 * @state:    where its instance stands
 * @has_keeper: there is one, or may be: nobody has seen its end
 * @keeper_watched: the launcher reports its end
 * @keeper_ended: its process has ended, but its last words may still wait in the link
 * @keeper_pid: 0 while it is not known
 * @greeted:  the keeper has said where it stands
 * @adopting: it was there before us: what its greeting tells is no news
 * @keeper:   the link to it; NULL while there is none, even if there is a keeper
 * @heard:    the keeper has answered over this link
 * @relinked: a link was lost, and with it perhaps an order
 * @reconnect: when the next link is tried
 * @snapshot: the keeper's last word
 * @life:     the newest life that is known
 * @begun_life: the newest life that the time line of our predecessors knows
 * @ended_life: the newest life whose exit was reported
 * @env:      NULL until it was looked up together with @identity
 * @last_exit: JSON of type Exit, NULL before the first
 * @exits_fd: of its exit reports, open while it crashes again and again; -1
 * @ended: JSON of type Ended, NULL before the first and after a stop
 * @gauge:    what it uses; NULL before anybody looked
 * @note:     one line for people, "" when there is nothing to say
 */
struct service {
	const struct service_context *context;
	struct config *config;
	const struct config_process *process;
	bool wanted;
	bool renewing;
	bool system;
	bool removed;
	bool unswept;
	enum slot_state state;
	bool has_keeper;
	bool keeper_watched;
	bool keeper_ended;
	pid_t keeper_pid;
	bool greeted;
	bool adopting;
	struct keeper_link *keeper;
	bool heard;
	bool relinked;
	struct loop_timer reconnect;
	struct keeper_snapshot snapshot;
	uint64_t life;
	uint64_t begun_life;
	uint64_t ended_life;
	struct readiness readiness;
	struct loop_timer retry;
	unsigned n_lost;
	usec_t lost_usec;
	struct identity identity;
	char **env;
	struct sockets sockets;
	char *asker;
	int exits_fd;
	char *last_exit;
	char *ended;
	struct gauge *gauge;
	char note[SERVICE_NOTE_MAX];
};

/**
 * service_new() - a stopped service
 * @config:  referenced
 * @process: part of @config
 *
 * Return: 0 or negative errno.
 */
must_check int service_new(const struct service_context *context, struct config *config,
			   const struct config_process *process, bool system,
			   struct service **ret_service);

/** service_free() - forget it; its keeper runs on. NULL is allowed */
void service_free(struct service *s);

/**
 * service_prepare_order() - make sure that an order can be carried out, before the old life ends
 * @order: SLOT_EVENT_WANT or _RENEW
 *
 * Return: 0, or negative errno with a text when what it needs to run cannot be had (unknown user,
 * unreadable env_file); then nothing has changed.
 */
must_check int service_prepare_order(struct service *s, enum slot_event order, struct error *err);

/** service_order() - SLOT_EVENT_WANT, _REFUSE or _RENEW, which was prepared */
void service_order(struct service *s, enum slot_event order);

/** service_feed() - something happened to it: one step of its machine, and what follows from it */
void service_feed(struct service *s, enum slot_event event);

/**
 * service_set_asker() - remember on whose behalf the next orders are
 * @asker: for the reports, e.g. "cli root"; copied
 *
 * Return: 0, or -ENOMEM with a text.
 */
must_check int service_set_asker(struct service *s, const char *asker, struct error *err);

/** service_deps_ready() - what it comes after is ready: start it */
void service_deps_ready(struct service *s);

/**
 * service_change() - give it a new definition, which counts from the next start
 * @effect: PLAN_LIVE: its keeper reads the policies now; PLAN_RESTART: what runs is to be renewed
 */
void service_change(struct service *s, struct config *config, const struct config_process *process,
		    enum plan_effect effect);

/** service_lives() - whether a process of its payload runs, as far as its keeper said */
bool service_lives(const struct service *s);

/** service_renew_limits() - set its limits again, where that could not be done before */
void service_renew_limits(struct service *s);

/** service_probe() - begin the probes of its state anew, with what is true of it now */
void service_probe(struct service *s);

/** service_signal() - send a signal to its main process; Return: 0, -ESRCH when none runs */
must_check int service_signal(struct service *s, int signo, const char *asker);

/** service_say() - set the note; "" clears it */
void service_say(struct service *s, const char *fmt, ...) printf_like(2, 3);
