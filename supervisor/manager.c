/* SPDX-License-Identifier: MIT */

/*
 * All services together.
 *
 * The manager owns the services and what they share, and turns what happens to one of them into a
 * look at all of them (settle.c) at the end of the turn of the loop, once, however many changes it
 * brought; what that look changes is looked at in the next turn. The operator's will is on disk
 * before anything is done about it. Who else wants to know what happens (an order that waits for
 * its end, a list that is watched) is a watcher.
 */

#include "supervisor/manager.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/text.h"
#include "supervisor/adopt.h"
#include "supervisor/apply.h"
#include "supervisor/collector-link.h"
#include "supervisor/crowd.h"
#include "supervisor/desired.h"
#include "supervisor/events.h"
#include "supervisor/going-down.h"
#include "supervisor/launcher.h"
#include "supervisor/launchers.h"
#include "supervisor/log-keeping.h"
#include "supervisor/order.h"
#include "supervisor/own.h"
#include "supervisor/prober.h"
#include "supervisor/run-files.h"
#include "supervisor/sampler.h"
#include "supervisor/service-hearing.h"
#include "supervisor/service-keeper.h"
#include "supervisor/settle.h"
#include "supervisor/timeline.h"

/** Keepers whose pids are told to a sweep. */
#define KNOWN_MAX 4096

/* --- watchers ------------------------------------------------------------------------------ */

void manager_watch(struct manager *m, struct manager_watcher *w)
{
	list_append(&m->watchers, &w->link);
}

void manager_unwatch(struct manager_watcher *w)
{
	list_remove(&w->link);
}

static void on_changed(struct service *s, void *userdata)
{
	struct manager *m = userdata;

	list_for_each_safe(it, &m->watchers) {
		struct manager_watcher *w = list_entry(it, struct manager_watcher, link);

		if (w->changed)
			w->changed(s, w->userdata);
	}
	manager_settle_soon(m);
}

static void on_exited(struct service *s, const struct keeper_exit *report, void *userdata)
{
	struct manager *m = userdata;

	list_for_each_safe(it, &m->watchers) {
		struct manager_watcher *w = list_entry(it, struct manager_watcher, link);

		if (w->exited)
			w->exited(s, report, w->userdata);
	}
}

void manager_greeted(struct manager *m)
{
	list_for_each_safe(it, &m->watchers) {
		struct manager_watcher *w = list_entry(it, struct manager_watcher, link);

		if (w->greeted)
			w->greeted(w->userdata);
	}
}

static void settle_next_turn(struct manager *m)
{
	int code = loop_timer_set(&m->settle_timer, 0);

	if (code < 0)
		log_error("cannot set a timer: %s", strerror(-code));
}

static void on_settle(void *userdata)
{
	struct manager *m = userdata;
	bool is_unfinished;

	m->settling = true;
	is_unfinished = settle(m);
	m->settling = false;
	if (is_unfinished) {
		settle_next_turn(m);
		return;
	}
	if (m->adopting_until_usec)
		ignore_result(loop_timer_set(&m->settle_timer, m->adopting_until_usec));
	list_for_each_safe(it, &m->watchers) {
		struct manager_watcher *w = list_entry(it, struct manager_watcher, link);

		if (w->settled)
			w->settled(w->userdata);
	}
}

void manager_settle_soon(struct manager *m)
{
	if (m->settling)
		settle_next_turn(m);
	else
		loop_timer_fire(&m->settle_timer);
}

/* --- sweeping and the budget --------------------------------------------------------------- */

/* A keeper that has not greeted yet would be taken for an orphan. */
static bool someone_is_unknown(const struct manager *m)
{
	for (size_t i = 0; i < m->n_services; i++)
		if (m->services[i]->adopting)
			return true;
	return false;
}

bool manager_sweep(struct manager *m)
{
	cleanup_free pid_t *known = reallocarray(NULL, KNOWN_MAX, sizeof(*known));
	size_t n = 0;
	int killed;

	if (!known) {
		log_error("out of memory: processes without a keeper are not looked for");
		return false;
	}
	if (someone_is_unknown(m))
		return false;
	for (size_t i = 0; i < m->n_services && n < KNOWN_MAX; i++)
		if (m->services[i]->keeper_pid && !m->services[i]->keeper_ended)
			known[n++] = m->services[i]->keeper_pid;
	n += prober_pids(m->prober, known + n, KNOWN_MAX - n);
	killed = m->launcher->ops->sweep(m->launcher, known, n);
	if (killed > 0)
		log_notice("killed %d processes that had lost their keeper", killed);
	else if (killed == -EBUSY)
		log_debug("not everything that had lost its keeper is gone");
	else if (killed < 0)
		log_error("cannot kill processes without a keeper: %s", strerror(-killed));
	return killed >= 0;
}

static bool on_sweep(struct service *s unused, void *userdata)
{
	return manager_sweep(userdata);
}

static usec_t on_place(usec_t due_usec, void *userdata)
{
	struct manager *m = userdata;

	return budget_take(&m->budget, clock_now_usec(), due_usec);
}

static void on_keeper_gone(const char *name, unsigned instance, pid_t pid, int wait_status unused,
			   void *userdata)
{
	struct manager *m = userdata;
	struct service *s = manager_find(m, name);

	if (s && instance == SERVICE_SLOT)
		service_keeper_gone(s, pid);
}

static void on_start_failed(const char *name, unsigned instance, const char *text, void *userdata)
{
	struct service *s = manager_find(userdata, name);

	if (s && instance == SERVICE_SLOT)
		service_start_failed(s, text);
}

static void on_started(const char *name, unsigned instance, void *userdata)
{
	struct service *s = manager_find(userdata, name);

	if (s && instance == SERVICE_SLOT && s->has_keeper && !s->keeper)
		service_connect(s);
}

static void on_stopped_by(const char *name, unsigned instance, const char *who, void *userdata)
{
	struct manager *m = userdata;
	struct service *s = manager_find(m, name);
	struct error err = {0};

	if (!s || instance != SERVICE_SLOT || m->stopping)
		return;
	log_notice("%s: stopped by %s", name, who);
	if (manager_stop(m, s, who, &err) < 0)
		log_error("%s: cannot remember that it was stopped: %s", name, err.text);
}

static void on_launcher_changed(void *userdata)
{
	manager_settle_soon(userdata);
}

static void on_limits_due(void *userdata)
{
	const struct manager *m = userdata;

	for (size_t i = 0; i < m->n_services; i++)
		if (m->services[i]->has_keeper)
			service_renew_limits(m->services[i]);
}

static const struct launcher_events launcher_events = {
	.keeper_gone = on_keeper_gone,
	.start_failed = on_start_failed,
	.started = on_started,
	.stopped_by = on_stopped_by,
	.changed = on_launcher_changed,
	.limits_due = on_limits_due,
};

/* --- the order ----------------------------------------------------------------------------- */

size_t manager_index(const struct manager *m, const char *name)
{
	for (size_t i = 0; i < m->n_services; i++)
		if (text_equal(m->services[i]->process->name, name))
			return i;
	return m->n_services;
}

int manager_relate(struct manager *m)
{
	cleanup_free struct order_edge *edges = NULL;
	size_t n_edges = 0;
	size_t n = 0;

	if (m->order.nodes)
		return 0;
	for (size_t i = 0; i < m->n_services; i++)
		n_edges += strings_len(m->services[i]->process->after);
	edges = calloc(n_edges + 1, sizeof(*edges));
	if (!edges)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_services; i++) {
		char **after = m->services[i]->process->after;

		for (size_t k = 0; k < strings_len(after); k++) {
			size_t used = manager_index(m, after[k]);

			if (used < m->n_services)
				edges[n++] = (struct order_edge){.user = i, .used = used};
		}
	}
	return order_build(&m->order, m->n_services, edges, n);
}

struct service *manager_find(const struct manager *m, const char *name)
{
	size_t i = manager_index(m, name);

	return i < m->n_services ? m->services[i] : NULL;
}

struct service *manager_blocker(const struct manager *m, const struct service *s)
{
	size_t i = manager_index(m, s->process->name);
	size_t blocker = m->order.nodes ? order_blocker(&m->order, i) : i;

	return blocker == i ? NULL : m->services[blocker];
}

void manager_take_services(struct manager *m, struct service **services, size_t n_services)
{
	if (services != m->services)
		free(m->services);
	m->services = services;
	m->n_services = n_services;
	order_done(&m->order);
	manager_settle_soon(m);
}

int manager_add_service(struct manager *m, struct service *s)
{
	struct service **services = reallocarray(m->services, m->n_services + 1, sizeof(*services));

	if (!services) {
		service_free(s);
		return -ENOMEM;
	}
	m->services = services;
	services[m->n_services] = s;
	manager_take_services(m, services, m->n_services + 1);
	return 0;
}

bool manager_wanted_by_default(const struct manager *m, const struct config_process *process)
{
	enum desired_state will = desired_get(m->desired, process->name);

	return will == DESIRED_DEFAULT ? process->autostart : will == DESIRED_RUN;
}

/* --- orders -------------------------------------------------------------------------------- */

static int refuse_removed(const struct service *s, struct error *err)
{
	if (!s->removed)
		return 0;
	return error_set(err, -ENOENT, "\"%s\" is not in the config any more", s->process->name);
}

int manager_start(struct manager *m, struct service *s, const char *asker, struct error *err)
{
	int code = refuse_removed(s, err);

	if (code == 0)
		code = service_prepare_order(s, SLOT_EVENT_WANT, err);
	if (code == 0)
		code = service_set_asker(s, asker, err);
	if (code == 0)
		code = desired_set(m->desired, s->process->name, DESIRED_RUN, err);
	if (code < 0)
		return code;
	s->wanted = true;
	service_order(s, SLOT_EVENT_WANT);
	manager_settle_soon(m);
	return 0;
}

int manager_stop(struct manager *m, struct service *s, const char *asker, struct error *err)
{
	int code = service_set_asker(s, asker, err);

	if (code == 0)
		code = desired_set(m->desired, s->process->name, DESIRED_STOP, err);
	if (code < 0)
		return code;
	s->wanted = false;
	s->renewing = false;
	manager_settle_soon(m);
	return 0;
}

int manager_restart(struct manager *m, struct service *s, bool in_order, const char *asker,
		    struct error *err)
{
	int code = refuse_removed(s, err);

	if (code == 0)
		code = service_prepare_order(s, SLOT_EVENT_RENEW, err);
	if (code == 0)
		code = service_set_asker(s, asker, err);
	if (code == 0 && !s->wanted)
		code = desired_set(m->desired, s->process->name, DESIRED_RUN, err);
	if (code < 0)
		return code;
	s->wanted = true;
	/* Credentials are read when a unit begins: a restart is how a new secret comes in. */
	if ((in_order || strings_len(s->process->credentials) > 0) && s->state != SLOT_STOPPED)
		s->renewing = true;
	else
		service_order(s, SLOT_EVENT_RENEW);
	manager_settle_soon(m);
	return 0;
}

void manager_shutdown(struct manager *m, const char *asker)
{
	struct error err = {0};
	int code = going_down_remember(m->paths, asker);

	if (code < 0)
		log_error("cannot write \"%s/going-down\": %s; were we killed now, everything "
			  "would be started again",
			  m->paths->run, strerror(-code));
	for (size_t i = 0; i < m->n_services; i++)
		if (service_set_asker(m->services[i], asker, &err) < 0)
			log_error("%s: the reports do not say who asked", err.text);
	m->stopping = true;
	timeline_hurry(m->timeline);
	manager_settle_soon(m);
}

bool manager_all_stopped(const struct manager *m)
{
	for (size_t i = 0; i < m->n_services; i++)
		if (m->services[i]->state != SLOT_STOPPED)
			return false;
	return true;
}

/* --- the beginning ------------------------------------------------------------------------- */

static void announce_supervisor(struct manager *m, int n_adopted)
{
	char text[96];
	struct event event = {.kind = "supervisor", .text = text};

	snprintf(text, sizeof(text), "supervisor %s started, %d keepers taken over",
		 SLICEKEEP_VERSION, n_adopted);
	events_add(m->events, &event);
}

/** How long keepers that were there before us may take to greet. */
#define ADOPT_USEC (2 * USEC_PER_SEC)

/* Our own keeper is our parent, and listens where `up` told it to. A parent that does not is
 * somebody else, a shell perhaps, whose other children are none of our business. */
static pid_t find_outer_keeper(const struct manager *m)
{
	cleanup_free char *control = run_file_control(m->paths, "supervisor", SERVICE_SLOT);
	cleanup_close int fd = control ? fd_unix_connect(control, SOCK_SEQPACKET) : -ENOMEM;
	struct fd_peer peer;

	if (fd < 0 || fd_peer_get(fd, &peer) < 0 || peer.pid != getppid())
		return 0;
	return peer.pid;
}

/* What our predecessor was told is not over. One that has no keeper was not brought back: it is the
 * first. */
static void go_on_going_down(struct manager *m)
{
	cleanup_free char *asker = going_down_asker(m->paths);

	if (!asker)
		return;
	if (!m->outer_keeper) {
		going_down_forget(m->paths);
		return;
	}
	log_notice("going on with stopping everything");
	manager_shutdown(m, asker);
}

int manager_begin(struct manager *m, struct error *err)
{
	int n_adopted;
	int code = apply_first(m, err);

	if (code < 0)
		return code;
	m->outer_keeper = find_outer_keeper(m);
	m->launcher->ops->set_outermost(m->launcher, m->outer_keeper);
	n_adopted = adopt_keepers(m, err);
	if (n_adopted < 0)
		return n_adopted;
	adopt_lost_lives(m);
	own_daemons_listen(m);
	m->adopting_until_usec = clock_now_usec() + ADOPT_USEC;
	announce_supervisor(m, n_adopted);
	go_on_going_down(m);
	manager_settle_soon(m);
	return 0;
}

/* --- coming and going ---------------------------------------------------------------------- */

static int open_state(struct manager *m, struct error *err)
{
	const struct paths *p = m->paths;
	int code = run_files_make(p);

	if (code < 0)
		return error_set(err, code, "cannot make folders in \"%s\": %s", p->run,
				 strerror(-code));
	m->revisions_folder = file_path_join(p->state, "revisions");
	m->applied_file = file_path_join(p->run, "applied");
	m->context.exits_folder = file_path_join(p->state, "exits");
	if (!m->revisions_folder || !m->applied_file || !m->context.exits_folder)
		return error_set(err, -ENOMEM, "out of memory");
	code = file_make_folders(m->context.exits_folder, 0700);
	if (code == 0)
		code = events_open(p->state, &m->events);
	if (code < 0)
		return error_set(err, code, "cannot use the state folder \"%s\": %s", p->state,
				 strerror(-code));
	return desired_open(p->state, &m->desired, err);
}

static int open_hands(struct manager *m, const char *launcher, struct error *err)
{
	struct launcher_owner owner = {
		.loop = m->loop,
		.paths = m->paths,
		.events = &launcher_events,
		.userdata = m,
	};
	cleanup_free char *intake = run_file_intake(m->paths);
	cleanup_free char *socket = file_path_join(m->paths->run, "log.sock");
	int code = loop_timer_init(&m->settle_timer, m->loop, on_settle, m);

	if (code == 0)
		code = intake && socket ? collector_link_new(m->loop, intake, &m->collector)
					: -ENOMEM;
	if (code == 0)
		code = timeline_new(m->loop, m->events, m->collector, socket, &m->timeline);
	if (code == 0)
		code = log_keeping_new(m->collector, m->events, &m->log_keeping);
	if (code == 0)
		code = crowd_new(m->loop, CROWD_NAP_USEC, &m->crowd);
	if (code == 0)
		code = prober_new(m->loop, m->paths, &m->prober);
	if (code < 0)
		return error_set(err, code, "cannot start: %s", strerror(-code));
	return launcher_new(launcher, &owner, &m->launcher, err);
}

int manager_new(struct loop *loop, const struct paths *paths, const char *launcher,
		struct manager **ret_manager, struct error *err)
{
	struct manager *m = calloc(1, sizeof(*m));
	int code;

	if (!m)
		return error_set(err, -ENOMEM, "out of memory");
	m->loop = loop;
	m->paths = paths;
	m->started_at_usec = clock_at_usec();
	list_init(&m->watchers);
	code = open_state(m, err);
	if (code == 0)
		code = open_hands(m, launcher, err);
	if (code == 0)
		code = sampler_new(m, &m->sampler, err);
	if (code < 0) {
		manager_free(m);
		return code;
	}
	m->context = (struct service_context){
		.loop = loop,
		.crowd = m->crowd,
		.paths = paths,
		.launcher = m->launcher,
		.prober = m->prober,
		.events = m->events,
		.inherit = environ,
		.exits_folder = m->context.exits_folder,
		.changed = on_changed,
		.exited = on_exited,
		.sweep = on_sweep,
		.place = on_place,
		.userdata = m,
	};
	*ret_manager = m;
	return 0;
}

void manager_free(struct manager *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n_services; i++)
		service_free(m->services[i]);
	free(m->services);
	order_done(&m->order);
	loop_timer_done(&m->settle_timer);
	crowd_free(m->crowd);
	sampler_free(m->sampler);
	log_keeping_free(m->log_keeping);
	timeline_free(m->timeline);
	collector_link_free(m->collector);
	prober_free(m->prober);
	if (m->launcher)
		m->launcher->ops->free(m->launcher);
	events_close(m->events);
	desired_close(m->desired);
	config_unref(m->config);
	config_unref(m->own);
	free(m->context.exits_folder);
	free(m->revisions_folder);
	free(m->applied_file);
	free(m);
}
