/* SPDX-License-Identifier: MIT */
#include "supervisor/sampler.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/text.h"
#include "supervisor/gauge.h"
#include "supervisor/launcher.h"
#include "supervisor/listeners.h"
#include "supervisor/manager.h"
#include "supervisor/proc.h"
#include "supervisor/ring-file.h"
#include "supervisor/service-keeper.h"
#include "supervisor/service.h"

/*
 * What services and slices use.
 *
 * This is done by the supervisor and not by a process of its own: it knows whose cgroup is where
 * and when it comes and goes, it is the one who is asked, and reading a hundred cgroups is a
 * millisecond a second. Nobody's restart waits for it, as that is the keepers' work. What could
 * take long is not done by the timer: /proc is searched for processes and ports only because
 * somebody asks, and while he does.
 *
 * There is one timer, in the middle of each second of the wall clock, so that each second gets one
 * record even if a turn comes late. It runs as long as a service runs that has a cgroup, or
 * somebody watches, and is set off by any change of a service: a supervisor whose services are
 * stopped, or that has no cgroups to read, sleeps.
 *
 * The cgroup of a slice is the folder above those of its members, under every launcher. So a slice
 * in which nothing runs is not measured.
 */

#define MOUNT "/sys/fs/cgroup"

/** Processes of one service that are looked at. */
#define PIDS_MAX 1024
/** What hardly ever changes is read each so many seconds. */
#define RARE_EVERY 5
/** What is older is not shown: two turns of the timer, of which one came late. */
#define FRESH_USEC (5 * USEC_PER_SEC / 2)
/** Ports are looked for at most so often, when somebody asks and while somebody watches. */
#define PORTS_ASKED_USEC USEC_PER_SEC
#define PORTS_WATCHED_USEC (5 * USEC_PER_SEC)

/**
 * struct sampler - all gauges; those of services belong to their services
 * @is_off:   no history, and no timer but for watchers
 * @is_set:   the timer is
 * @is_ready: the folders are there
 * @turn:     of the timer
 * @slices:   gauges
 * @listeners: as of @listeners_usec
 * @complained: history could not be written, and that was said
 */
struct sampler {
	struct manager *manager;
	struct loop_timer timer;
	struct manager_watcher changes;
	struct list watchers;
	bool is_off;
	bool is_set;
	bool is_ready;
	unsigned turn;
	unsigned n_gauges;
	struct list slices;
	struct listeners listeners;
	usec_t listeners_usec;
	char *folder;
	char *slice_folder;
	bool complained;
	pid_t pids[PIDS_MAX];
};

/* --- the timer ----------------------------------------------------------------------------- */

static void set_timer(struct sampler *sm)
{
	usec_t into_usec = clock_at_usec() % USEC_PER_SEC;
	usec_t rest_usec = 3 * USEC_PER_SEC / 2 - into_usec;
	int code;

	if (sm->is_set)
		return;
	if (rest_usec > USEC_PER_SEC)
		rest_usec -= USEC_PER_SEC;
	code = loop_timer_set(&sm->timer, clock_now_usec() + rest_usec);
	sm->is_set = code == 0;
	if (code < 0)
		log_error("cannot set a timer: %s", strerror(-code));
}

static void on_change(struct service *s unused, void *userdata)
{
	struct sampler *sm = userdata;

	if (!sm->is_off)
		set_timer(sm);
}

static void on_greeted(void *userdata)
{
	on_change(NULL, userdata);
}

/* --- cgroups ------------------------------------------------------------------------------- */

static struct gauge *new_gauge(struct sampler *sm, const char *folder, const char *name)
{
	struct gauge *g = gauge_new(folder, name);

	if (g)
		g->phase = sm->n_gauges++ % GAUGE_RECORDS;
	return g;
}

static struct gauge *gauge_of(struct sampler *sm, struct service *s)
{
	if (!s->gauge)
		s->gauge = new_gauge(sm, sm->folder, s->process->name);
	return s->gauge;
}

static bool has_meter(const struct service *s)
{
	return s->gauge && meter_is_open(&s->gauge->meter);
}

/* The first life of a keeper begins with its cgroup. */
static usec_t begun_with(const struct service *s)
{
	return s->snapshot.n_restarts == 0 ? s->snapshot.start_usec : 0;
}

/* Return: whether it has a cgroup, which is open then. */
static bool open_meter(struct sampler *sm, struct service *s)
{
	struct launcher *l = sm->manager->launcher;
	cleanup_free char *name = NULL;
	cleanup_free char *folder = NULL;
	struct gauge *g;

	if (l->ops->cgroup_name(l, s->process->name, SERVICE_SLOT, &name) < 0)
		return false;
	if (asprintf(&folder, MOUNT "/%s", name) < 0)
		folder = NULL;
	g = folder ? gauge_of(sm, s) : NULL;
	if (!g || meter_open(&g->meter, AT_FDCWD, folder) < 0)
		return false;
	gauge_begin(g, begun_with(s));
	meter_read_rare(&g->meter, &g->per_second);
	return true;
}

/* Return: whether its cgroup was read. */
static bool read_cgroup(struct sampler *sm, struct service *s, usec_t now_usec, bool rare)
{
	if (!s->has_keeper) {
		if (s->gauge)
			gauge_close(s->gauge);
		return false;
	}
	if (!has_meter(s) && (!service_lives(s) || !open_meter(sm, s)))
		return false;
	return gauge_read(s->gauge, now_usec, rare) == 0;
}

static struct gauge *slice_of(struct sampler *sm, const char *name)
{
	struct gauge *g;

	list_for_each(it, &sm->slices) {
		g = list_entry(it, struct gauge, link);
		if (text_equal(g->name, name))
			return g;
	}
	g = new_gauge(sm, sm->slice_folder, name);
	if (g)
		list_append(&sm->slices, &g->link);
	return g;
}

static void count_member(struct sampler *sm, const struct service *s)
{
	struct gauge *slice = slice_of(sm, service_group(s));

	if (!slice)
		return;
	slice->members++;
	if (meter_is_open(&slice->meter) ||
	    meter_open(&slice->meter, s->gauge->meter.folder, "..") < 0)
		return;
	gauge_begin(slice, 0);
	meter_read_rare(&slice->meter, &slice->per_second);
}

static void record(struct sampler *sm, struct gauge *g, uint32_t at_sec)
{
	int r = sm->is_off ? 0 : gauge_record(g, at_sec);

	if (r < 0 && !sm->complained)
		log_warning("cannot keep the history of \"%s\" in \"%s\": %s", g->name, g->path,
			    strerror(-r));
	sm->complained |= r < 0;
}

static void sample_slices(struct sampler *sm, usec_t now_usec, uint32_t at_sec)
{
	list_for_each_safe(it, &sm->slices) {
		struct gauge *g = list_entry(it, struct gauge, link);

		if (g->members == 0)
			gauge_close(g);
		else if (meter_is_open(&g->meter) &&
			 gauge_read(g, now_usec, sm->turn % RARE_EVERY == 0) == 0)
			record(sm, g, at_sec);
	}
}

/* Return: whether any service with a cgroup runs, other than our own daemons. */
static bool sample_all(struct sampler *sm)
{
	struct manager *m = sm->manager;
	usec_t now_usec = clock_now_usec();
	uint32_t at_sec = (uint32_t)(clock_at_usec() / USEC_PER_SEC);
	bool any = false;

	sm->turn++;
	list_for_each(it, &sm->slices)
		list_entry(it, struct gauge, link)->members = 0;
	for (size_t i = 0; i < m->n_services; i++) {
		struct service *s = m->services[i];
		bool was_open = has_meter(s);

		if (!read_cgroup(sm, s, now_usec, (sm->turn + i) % RARE_EVERY == 0))
			continue;
		any |= !s->system && service_lives(s);
		/* The first reading tells of its whole life, and not of this second. */
		if (was_open)
			record(sm, s->gauge, at_sec);
		count_member(sm, s);
	}
	sample_slices(sm, now_usec, at_sec);
	return any;
}

/* --- /proc --------------------------------------------------------------------------------- */

static void look_for_ports(struct sampler *sm, struct gauge *g, size_t n_pids, usec_t now_usec)
{
	if (now_usec >= sm->listeners_usec + PORTS_ASKED_USEC) {
		listeners_done(&sm->listeners);
		ignore_result(listeners_load(&sm->listeners));
		sm->listeners_usec = now_usec;
	}
	g->ports_usec = now_usec;
	g->n_ports = 0;
	for (size_t i = 0; i < n_pids; i++)
		g->n_ports = listeners_of(&sm->listeners, sm->pids[i], g->ports, g->n_ports,
					  ARRAY_LEN(g->ports));
}

static void look_into_proc(struct sampler *sm, struct service *s, usec_t ports_every_usec)
{
	struct gauge *g = gauge_of(sm, s);
	usec_t now_usec = clock_now_usec();
	struct numbers now;
	size_t n;

	if (!g || !service_lives(s))
		return;
	n = proc_kept(s->keeper_pid, s->snapshot.main_pid, sm->pids, PIDS_MAX);
	g->processes = n;
	if (!meter_is_open(&g->meter)) {
		if (g->life != s->life)
			gauge_begin(g, s->snapshot.start_usec);
		proc_measure(sm->pids, n, &now);
		now.at_usec = now_usec;
		gauge_take(g, &now);
	}
	if (g->life != s->life || now_usec >= g->ports_usec + ports_every_usec)
		look_for_ports(sm, g, n, now_usec);
	g->life = s->life;
}

void sampler_look(struct sampler *sm, struct service *s)
{
	if (!service_lives(s))
		return;
	if (sm->is_set && has_meter(s))
		meter_read_rare(&s->gauge->meter, &s->gauge->per_second);
	else
		(void)read_cgroup(sm, s, clock_now_usec(), true);
	look_into_proc(sm, s, PORTS_ASKED_USEC);
}

/* Not before the first turn: no service waits for it when everything starts. */
static void make_folders(struct sampler *sm)
{
	uint32_t now_sec = (uint32_t)(clock_at_usec() / USEC_PER_SEC);
	int code = file_make_folders(sm->slice_folder, 0700);

	sm->is_ready = true;
	if (code < 0)
		log_warning("cannot keep numbers in \"%s\": %s", sm->folder, strerror(-code));
	ring_file_forget(sm->folder, now_sec);
	ring_file_forget(sm->slice_folder, now_sec);
}

static void on_timer(void *userdata)
{
	struct sampler *sm = userdata;
	struct manager *m = sm->manager;
	bool any;

	if (!sm->is_ready && !sm->is_off)
		make_folders(sm);
	any = sample_all(sm);
	sm->is_set = false;
	for (size_t i = 0; !list_empty(&sm->watchers) && i < m->n_services; i++)
		look_into_proc(sm, m->services[i], PORTS_WATCHED_USEC);
	list_for_each_safe(it, &sm->watchers) {
		struct sampler_watcher *w = list_entry(it, struct sampler_watcher, link);

		w->sampled(w->userdata);
	}
	if ((any && !sm->is_off) || !list_empty(&sm->watchers))
		set_timer(sm);
}

const struct gauge *sampler_gauge(const struct service *s)
{
	const struct gauge *g = service_lives(s) ? s->gauge : NULL;

	return g && clock_now_usec() < g->now.at_usec + FRESH_USEC ? g : NULL;
}

/* --- who asks ------------------------------------------------------------------------------ */

static bool is_fresh(const struct service *s)
{
	const struct gauge *g = sampler_gauge(s);

	return g && g->life == s->life && clock_now_usec() < g->ports_usec + PORTS_WATCHED_USEC;
}

void sampler_refresh(struct sampler *sm, struct service *s)
{
	if (!sm->is_off && !is_fresh(s))
		sampler_look(sm, s);
}

void sampler_watch(struct sampler *sm, struct sampler_watcher *w)
{
	list_append(&sm->watchers, &w->link);
	set_timer(sm);
}

void sampler_unwatch(struct sampler_watcher *w)
{
	list_remove(&w->link);
}

const struct list *sampler_slices(const struct sampler *sm)
{
	return &sm->slices;
}

static const struct gauge *find_gauge(const struct sampler *sm, const char *name, bool is_slice)
{
	const struct service *s = is_slice ? NULL : manager_find(sm->manager, name);

	if (!is_slice)
		return s ? s->gauge : NULL;
	list_for_each(it, &sm->slices) {
		const struct gauge *g = list_entry(it, struct gauge, link);

		if (text_equal(g->name, name))
			return g;
	}
	return NULL;
}

int sampler_history(const struct sampler *sm, const struct sampler_past *past,
		    struct ring_record **ret_records, size_t *ret_n)
{
	const struct gauge *g = find_gauge(sm, past->name, past->is_slice);
	uint32_t now_sec = (uint32_t)(clock_at_usec() / USEC_PER_SEC);
	struct gauge *stopped = NULL;
	int r;

	if (!g)
		g = stopped = gauge_new(past->is_slice ? sm->slice_folder : sm->folder, past->name);
	r = g ? gauge_history(g, past->step, now_sec, past->limit, ret_records, ret_n) : -ENOMEM;
	gauge_free(stopped);
	return r;
}

/* --- coming and going ---------------------------------------------------------------------- */

static int name_folders(struct sampler *sm)
{
	sm->folder = file_path_join(sm->manager->paths->state, "numbers");
	sm->slice_folder = sm->folder ? file_path_join(sm->folder, "slices") : NULL;
	return sm->slice_folder ? 0 : -ENOMEM;
}

int sampler_new(struct manager *m, struct sampler **ret_sampler, struct error *err)
{
	const char *word = getenv("SLICEKEEP_NUMBERS");
	struct sampler *sm = calloc(1, sizeof(*sm));
	int code;

	if (!sm)
		return error_set(err, -ENOMEM, "out of memory");
	sm->manager = m;
	sm->is_off = text_equal(word, "off");
	list_init(&sm->watchers);
	list_init(&sm->slices);
	sm->changes = (struct manager_watcher){
		.changed = on_change,
		.greeted = on_greeted,
		.userdata = sm,
	};
	manager_watch(m, &sm->changes);
	code = loop_timer_init(&sm->timer, m->loop, on_timer, sm);
	if (code == 0)
		code = name_folders(sm);
	if (code < 0) {
		sampler_free(sm);
		return error_set(err, code, "cannot measure: %s", strerror(-code));
	}
	*ret_sampler = sm;
	return 0;
}

void sampler_free(struct sampler *sm)
{
	if (!sm)
		return;
	manager_unwatch(&sm->changes);
	loop_timer_done(&sm->timer);
	list_for_each_safe(it, &sm->slices)
		gauge_free(list_entry(it, struct gauge, link));
	listeners_done(&sm->listeners);
	free(sm->slice_folder);
	free(sm->folder);
	free(sm);
}
