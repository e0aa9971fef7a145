/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "config/model.h"
#include "lib/base.h"
#include "lib/loop.h"
#include "supervisor/identity.h"
#include "supervisor/keeper/control-frame.h"
#include "supervisor/readiness.h"
#include "supervisor/service-context.h"
#include "supervisor/slot.h"
#include "supervisor/sockets.h"

struct error;
struct keeper_link;
struct service;

#define SERVICE_NOTE_MAX 256

/**
 * struct service - a service as it is and as it shall be
 * @config @process: what it is; @process points into @config, which is held
 * @probed:   the config that @readiness borrows from, held: a change does not end the probing
 * @wanted:   it shall run
 * @renewing: it is stopped only to be started again, together with others
 * @system:   one of our own daemons
 * @removed:  not in the config any more; goes away once it has stopped
 * @wants_place: its keeper has asked for a place in the restart budget
 * @unswept:  its keeper died, and not all that it left is known to be gone
 * @state:    where its instance stands
 * @keeper_pid: 0 while there is no keeper
 * @keeper_ended: its process has ended, but its last words may still wait in the link
 * @greeted:  the keeper has said where it stands
 * @adopting: it was there before us: what its greeting tells is no news
 * @snapshot: the keeper's last word
 * @life:     the newest life that is known
 * @last_exit: type Exit, NULL before the first
 * @note:     one line for people, "" when there is nothing to say
 */
struct service {
	const struct service_context *context;
	struct config *config;
	struct config *probed;
	const struct config_process *process;
	bool wanted;
	bool renewing;
	bool system;
	bool removed;
	bool wants_place;
	bool unswept;
	enum slot_state state;
	pid_t keeper_pid;
	bool keeper_ended;
	bool greeted;
	bool adopting;
	struct keeper_link *keeper;
	struct keeper_snapshot snapshot;
	uint64_t life;
	struct readiness readiness;
	struct loop_timer retry;
	unsigned n_lost;
	usec_t lost_usec;
	struct identity identity;
	char **env;
	struct sockets sockets;
	char *asker;
	json_t *last_exit;
	char last_exit_short[32];
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
 * service_adopt() - take over a keeper that is already there
 *
 * Its greeting tells the rest. Return: 0, or negative errno when nobody answers.
 */
must_check int service_adopt(struct service *s);

/**
 * service_order() - SLOT_EVENT_WANT, _REFUSE or _RENEW on somebody's behalf
 * @asker: for the reports, e.g. "cli root"; copied. NULL: who asked last
 *
 * Return: 0, or negative errno with a text when what it needs to run cannot be had (unknown user,
 * unreadable env_file); then nothing has changed.
 */
must_check int service_order(struct service *s, enum slot_event order, const char *asker,
			     struct error *err);

/** service_set_asker() - remember on whose behalf the next orders are; Return: 0 or -ENOMEM */
must_check int service_set_asker(struct service *s, const char *asker);

/** service_deps_ready() - what it comes after is ready: start it */
void service_deps_ready(struct service *s);

/** service_keeper_gone() - the process @pid has ended; another one than its keeper is ignored */
void service_keeper_gone(struct service *s, pid_t pid);

/**
 * service_change() - give it a new definition
 * @live: the payload runs on, its keeper reads the policies anew; otherwise the definition counts
 *        from the next start
 *
 * Return: 0 or negative errno with a text; then the old definition stays.
 */
must_check int service_change(struct service *s, struct config *config,
			      const struct config_process *process, bool live, struct error *err);

/** service_signal() - send a signal to its main process; Return: 0, -ESRCH when none runs */
must_check int service_signal(struct service *s, int signo, const char *asker);

/** service_grant_place() - its keeper may restart now */
void service_grant_place(struct service *s);

/** service_say() - set the note; "" clears it */
void service_say(struct service *s, const char *fmt, ...) printf_like(2, 3);
