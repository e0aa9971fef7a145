/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"
#include "lib/list.h"
#include "lib/loop.h"
#include "lib/paths.h"
#include "supervisor/budget.h"
#include "supervisor/order.h"
#include "supervisor/service.h"

struct collector_link;
struct desired;
struct error;
struct timeline;

/**
 * struct manager_watcher - somebody who wants to know; lives inside them
 * @changed: a service entered a state or got a note
 * @exited:  a life has ended
 * @greeted: once, when every keeper that was there before us has said where it stands
 * @settled: nothing is left to do at this moment
 *
 * A watcher may remove itself, and nobody else, inside its own callback.
 */
struct manager_watcher {
	struct list link;
	void (*changed)(struct service *s, void *userdata);
	void (*exited)(struct service *s, const struct keeper_exit *report, void *userdata);
	void (*greeted)(void *userdata);
	void (*settled)(void *userdata);
	void *userdata;
};

/**
 * struct manager - all services: as they are against as they shall be
 * @services: user's services in the order of the config, then our own daemons
 * @config:   the applied one
 * @own:      definitions of our own daemons
 * @order:    what comes after what, a node for each service; empty while services came or went
 * @settling: all services are being looked at
 * @stopping: nothing is wanted any more
 * @adopting_until_usec: keepers that were there before us have until then to greet; 0: all have
 * @outer_keeper: our own keeper, 0 when we were started without one
 */
struct manager {
	struct loop *loop;
	struct crowd *crowd;
	const struct paths *paths;
	struct launcher *launcher;
	struct prober *prober;
	struct sampler *sampler;
	struct events *events;
	struct collector_link *collector;
	struct log_keeping *log_keeping;
	struct timeline *timeline;
	struct desired *desired;
	struct config *config;
	struct config *own;
	struct service_context context;
	struct service **services;
	size_t n_services;
	struct order order;
	struct budget budget;
	struct loop_timer settle_timer;
	struct list watchers;
	char *revisions_folder;
	char *applied_file;
	usec_t started_at_usec;
	bool settling;
	bool stopping;
	usec_t adopting_until_usec;
	pid_t outer_keeper;
};

/**
 * manager_new() - open the state, choose the launcher; nothing runs yet
 * @paths: borrowed; its folders are there (paths_make()). @launcher: as launcher_new()
 *
 * Return: 0 or negative errno with a text.
 */
must_check int manager_new(struct loop *loop, const struct paths *paths, const char *launcher,
			   struct manager **ret_manager, struct error *err);

/** manager_free() - forget everything; keepers run on. NULL is allowed */
void manager_free(struct manager *m);

/** manager_begin() - read the config, take over the keepers that are there, start what shall run;
 * Return: 0 or negative errno with a text */
must_check int manager_begin(struct manager *m, struct error *err);

/** manager_index() - the place of the service of that name; @n_services when there is none */
size_t manager_index(const struct manager *m, const char *name);

/** manager_find() - the service of that name, or NULL; borrowed */
struct service *manager_find(const struct manager *m, const char *name);

/** manager_watch() - add a watcher */
void manager_watch(struct manager *m, struct manager_watcher *w);

/** manager_unwatch() - remove it; twice is allowed once it was list_init()ed */
void manager_unwatch(struct manager_watcher *w);

/**
 * manager_start() - the operator wants it to run, now and after a reboot
 *
 * Return: 0, or negative errno with a text; then nothing has changed.
 */
must_check int manager_start(struct manager *m, struct service *s, const char *asker,
			     struct error *err);

/** manager_stop() - the operator wants it not to run, now and after a reboot */
must_check int manager_stop(struct manager *m, struct service *s, const char *asker,
			    struct error *err);

/** manager_restart() - end its life and begin a new one, or start it; @in_order: as after has it */
must_check int manager_restart(struct manager *m, struct service *s, bool in_order,
			       const char *asker, struct error *err);

/** manager_blocker() - the service that @s waits for, or NULL */
struct service *manager_blocker(const struct manager *m, const struct service *s);

/** manager_shutdown() - stop everything in order; the watchers' settled() tells when it is done */
void manager_shutdown(struct manager *m, const char *asker);

/** manager_all_stopped() - whether nothing of any service is there any more */
bool manager_all_stopped(const struct manager *m);

/** manager_greeted() - tell the watchers that the keepers have greeted */
void manager_greeted(struct manager *m);

/** manager_settle_soon() - look at all services again when this turn has found all that it finds */
void manager_settle_soon(struct manager *m);

/** manager_sweep() - kill what belongs to no keeper; Return: whether nothing is left */
bool manager_sweep(struct manager *m);

/** manager_relate() - compute the order anew, if services came or went; Return: 0 or -ENOMEM */
must_check int manager_relate(struct manager *m);

/** manager_take_services() - these are the services from now on; takes the array and them */
void manager_take_services(struct manager *m, struct service **services, size_t n_services);

/** manager_add_service() - one more, taken over; Return: 0, or -ENOMEM (then it is freed) */
must_check int manager_add_service(struct manager *m, struct service *s);

/** manager_wanted_by_default() - whether the operator wants a service that is new to us to run */
bool manager_wanted_by_default(const struct manager *m, const struct config_process *process);
