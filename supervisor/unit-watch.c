/* SPDX-License-Identifier: MIT */

/*
 * What is true of our units.
 *
 * Every unit of ours has a record, and unit-state.c says what follows from what is heard of it. A
 * record goes only when systemd has unloaded its unit; until then nothing of that name can be
 * started. After a connection has broken, and at our own start, what is true is read from the list
 * of all units: what is there and has no record was left by a predecessor. A running one is claimed
 * when its keeper is heard; if nobody has claimed it by the time of the first sweep it is beyond
 * control and is stopped.
 *
 * A keeper binds its control socket itself, says that it is ready, and leaves the socket in
 * systemd's descriptor store: so it is connected to when systemd says that it has started, and
 * while one that was killed is being replaced, whoever connects waits for the next.
 *
 * Lists are numbered, for one that was asked for before a unit was made does not know it.
 */

#include "supervisor/unit-watch.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/list.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/paths.h"
#include "lib/text.h"
#include "supervisor/confirmations.h"
#include "supervisor/launcher.h"
#include "supervisor/launchers.h"
#include "supervisor/proc.h"
#include "supervisor/slice-keeping.h"
#include "supervisor/unit-bus.h"
#include "supervisor/unit-cgroup.h"
#include "supervisor/unit-record.h"

/** A manager that has started nothing for so long does not start what it was asked for. */
#define START_USEC (20 * USEC_PER_SEC)

struct unit_watch {
	struct launcher_owner owner;
	struct unit_bus *bus;
	struct list units;
	struct slice_keeping slices;
	struct loop_timer deadline;
	usec_t heard_usec; /* the last end of a job: a unit that waits for its turn is no silence */
	uint64_t n_asked;  /* lists and starts, numbered together */
	bool is_listing;
	bool is_list_wanted;
	struct list confirmations;
	char refused[256];
	bool is_due;   /* limits could not be set */
	bool is_known; /* what there is; false while there is no connection */
};

static struct unit_record *record_new(struct unit_watch *w, const char *name, unsigned instance,
				      enum unit_state state)
{
	struct unit_record *r = unit_record_new(&w->units, name, instance, state);

	if (!r)
		return NULL;
	r->watch = w;
	r->number = ++w->n_asked;
	return r;
}

static struct unit_record *record_find(const struct unit_watch *w, const char *unit)
{
	return unit_record_find(&w->units, unit);
}

static void set_deadline(struct unit_watch *w)
{
	if (loop_timer_set(&w->deadline, unit_record_deadline(&w->units)) < 0)
		log_error("cannot set a timer: a start that hangs is not noticed");
}

/* --- what follows -------------------------------------------------------------------------- */

/* One list at a time; what was wanted meanwhile is asked for behind it. */
static void list_soon(struct unit_watch *w)
{
	int code;

	w->is_list_wanted = w->is_listing;
	if (w->is_listing)
		return;
	code = unit_bus_list(w->bus, ++w->n_asked);
	w->is_listing = code == 0;
	if (code < 0 && code != -ENOTCONN)
		log_error("cannot ask systemd which units there are: %s", strerror(-code));
}

/* What cannot be asked now is asked again when there is a connection. */
static void act_on_unit(struct unit_record *r, unsigned actions)
{
	struct unit_watch *w = r->watch;
	struct unit_call call = {.unit = r->unit};

	if (actions & UNIT_ACTION_STOP) {
		r->stopping = true;
		ignore_result(unit_bus_stop(w->bus, &call));
	}
	if (actions & UNIT_ACTION_KILL)
		ignore_result(unit_bus_kill(w->bus, &call));
	if (actions & UNIT_ACTION_ASK)
		list_soon(w);
}

static void tell(const struct unit_record *r, unsigned actions)
{
	const struct launcher_events *e = r->watch->owner.events;
	const char *fault = r->fault[0] ? r->fault : "its unit ended before it had started";
	void *userdata = r->watch->owner.userdata;

	if (actions & UNIT_ACTION_TELL_FAILED)
		e->start_failed(r->name, r->instance, fault, userdata);
	if (actions & UNIT_ACTION_TELL_MISSED)
		e->start_failed(r->name, r->instance, NULL, userdata);
	if (!(actions & UNIT_ACTION_TELL_GONE))
		return;
	if (r->by_other && !r->stopping)
		e->stopped_by(r->name, r->instance, "systemctl", userdata);
	e->keeper_gone(r->name, r->instance, 0, -1, userdata);
}

static void tell_started(const struct unit_record *r, enum unit_activity activity)
{
	const struct launcher_owner *owner = &r->watch->owner;

	if (activity == UNIT_ACTIVE)
		owner->events->started(r->name, r->instance, owner->userdata);
}

/* The record may be gone afterwards; whoever is told may start the next one at once. */
static void feed(struct unit_record *r, enum unit_event event)
{
	struct unit_watch *w = r->watch;
	enum unit_state before = r->state;
	unsigned actions = unit_step(&r->state, event);

	if (r->state != before)
		log_debug("%s: %s -> %s", r->unit, unit_state_name(before),
			  unit_state_name(r->state));
	if (before == UNIT_STARTING && r->state != before)
		set_deadline(w);
	act_on_unit(r, actions);
	if (r->state == UNIT_GONE) {
		list_remove(&r->link);
		unit_cgroup_remove(r->unit);
	}
	tell(r, actions);
	if (r->state != UNIT_GONE)
		return;
	unit_record_free(r);
	w->owner.events->changed(w->owner.userdata);
}

static void on_deadline(void *userdata)
{
	struct unit_watch *w = userdata;
	usec_t now = clock_now_usec();

	list_for_each_safe(it, &w->units) {
		struct unit_record *r = list_entry(it, struct unit_record, link);

		if (r->state != UNIT_STARTING)
			continue;
		r->deadline_usec = MAX_OF(r->deadline_usec, usec_add(w->heard_usec, START_USEC));
		if (r->deadline_usec > now)
			continue;
		snprintf(r->fault, sizeof(r->fault),
			 "systemd does not start its unit: it does not answer");
		feed(r, UNIT_EVENT_FAILED);
	}
	set_deadline(w);
}

/* --- what is heard ------------------------------------------------------------------------- */

/* A slice ends when the last one has left it, and that is heard a moment later: a start of that
 * moment counts on a slice that has gone. By the time it is refused we have heard of it. */
static enum unit_event refusal(const struct unit_record *r, int code)
{
	if (code == -ETIMEDOUT)
		return UNIT_EVENT_FAILED;
	if (code == -ENOENT && r->n_slices_gone != r->watch->slices.n_gone)
		return UNIT_EVENT_MISSED;
	return UNIT_EVENT_REFUSED;
}

static void on_started(const char *unit, uint64_t token, const struct unit_answer *a,
		       void *userdata)
{
	struct unit_watch *w = userdata;
	struct unit_record *r = record_find(w, unit);

	if (a->code < 0)
		slice_keeping_refused(&w->slices, token);
	if (!r || r->state != UNIT_STARTING)
		return;
	if (a->code == 0) {
		r->job = strdup(a->job);
	} else if (a->code != -ECONNRESET) {
		snprintf(r->fault, sizeof(r->fault), "systemd refuses its unit: %s", a->text);
		list_soon(w);
		feed(r, refusal(r, a->code));
	}
}

static void on_job_done(const char *unit, const char *job, const char *result, void *userdata)
{
	struct unit_watch *w = userdata;
	struct unit_record *r = record_find(w, unit);
	bool done = strcmp(result, "done") == 0;

	w->heard_usec = clock_now_usec();
	if (!r)
		return;
	if (r->state == UNIT_STARTING && text_equal(r->job, job)) {
		if (!done && !r->fault[0])
			snprintf(r->fault, sizeof(r->fault), "systemd could not start its unit: %s",
				 result);
		feed(r, done ? UNIT_EVENT_STARTED : UNIT_EVENT_FAILED);
	} else if (done && r->state != UNIT_STARTING && r->state != UNIT_ALIVE) {
		/* The end is told before the job that asked for it; without a job it is a crash. */
		r->by_other = true;
	}
}

static void on_active(const char *unit, enum unit_activity activity, void *userdata)
{
	struct unit_record *r = record_find(userdata, unit);

	if (!r)
		return;
	if (activity == UNIT_INACTIVE) {
		feed(r, UNIT_EVENT_INACTIVE);
		return;
	}
	r->by_other = false;
	feed(r, UNIT_EVENT_ACTIVE);
	tell_started(r, activity);
}

static void on_result(const char *unit, const char *result, int status, void *userdata)
{
	struct unit_record *r = record_find(userdata, unit);

	if (r && r->state == UNIT_STARTING && strcmp(result, "success") != 0)
		snprintf(r->fault, sizeof(r->fault),
			 "systemd could not start its keeper: %s, status %d (journalctl -u %s)",
			 result, status, unit);
}

static void on_unloaded(const char *unit, void *userdata)
{
	struct unit_watch *w = userdata;
	struct unit_record *r = record_find(w, unit);

	slice_keeping_unloaded(&w->slices, unit);
	/* What goes before systemd has answered to a start is the unit of an earlier life. */
	if (r && (r->state != UNIT_STARTING || r->job))
		feed(r, UNIT_EVENT_UNLOADED);
}

static void on_made(const char *unit, void *userdata)
{
	struct unit_watch *w = userdata;

	slice_keeping_made(&w->slices, w->bus, unit);
}

static void on_set(const char *unit, uint64_t token, const struct unit_answer *a, void *userdata)
{
	struct unit_watch *w = userdata;

	if (a->code < 0 && a->code != -ECONNRESET)
		snprintf(w->refused, sizeof(w->refused), "systemd, about \"%s\": %s", unit,
			 a->text);
}

/* systemd does one thing after the other: what came before a list is done when it is answered. */
static void confirm(struct unit_watch *w, uint64_t before, const char *refused)
{
	confirmations_tell(&w->confirmations, before, refused);
	w->refused[0] = '\0';
}

/* --- the list ------------------------------------------------------------------------------ */

/* This list knows it. */
static void add_stray(struct unit_watch *w, const char *name, unsigned instance)
{
	struct unit_record *r = record_new(w, name, instance, UNIT_ALIVE);

	if (r)
		r->number = 0;
}

static void find_strays(struct unit_watch *w, const struct unit_found *units, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char name[UNIT_NAME_MAX], ours[UNIT_DESCRIPTION_MAX];
		unsigned instance;

		if (!unit_name_parse(units[i].unit, name, &instance) ||
		    strcmp(name, "supervisor") == 0 || record_find(w, units[i].unit))
			continue;
		unit_watch_describe(w, name, ours);
		if (strcmp(units[i].description, ours) == 0)
			add_stray(w, name, instance);
	}
}

static void found_alive(struct unit_record *r, enum unit_activity activity)
{
	feed(r, activity == UNIT_ACTIVE ? UNIT_EVENT_STARTED : UNIT_EVENT_ACTIVE);
	tell_started(r, activity);
}

static void compare(struct unit_watch *w, uint64_t serial, const struct unit_found *units, size_t n)
{
	list_for_each_safe(it, &w->units) {
		struct unit_record *r = list_entry(it, struct unit_record, link);
		const struct unit_found *u = unit_found_find(units, n, r->unit);

		if (r->number > serial)
			continue;
		if (!u)
			feed(r, UNIT_EVENT_UNLOADED);
		else if (u->activity == UNIT_INACTIVE)
			feed(r, UNIT_EVENT_DEAD);
		else
			found_alive(r, u->activity);
	}
}

/* After a connection has broken, a start is known by its unit, and a stop is ordered again. */
static void catch_up(struct unit_watch *w)
{
	list_for_each(it, &w->units) {
		const struct unit_record *r = list_entry(it, struct unit_record, link);
		struct unit_call call = {.unit = r->unit};

		if (r->stopping)
			ignore_result(unit_bus_stop(w->bus, &call));
	}
}

static void on_listed(uint64_t serial, const struct unit_found *units, size_t n, void *userdata)
{
	struct unit_watch *w = userdata;
	bool was_known = w->is_known;

	w->is_listing = false;
	find_strays(w, units, n);
	slice_keeping_listed(&w->slices, w->bus, serial, units, n);
	compare(w, serial, units, n);
	w->is_known = true;
	confirm(w, serial, w->refused[0] ? w->refused : NULL);
	if (!was_known)
		catch_up(w);
	if (w->is_due) {
		w->is_due = false;
		w->owner.events->limits_due(w->owner.userdata);
	}
	if (w->is_list_wanted)
		list_soon(w);
	w->owner.events->changed(w->owner.userdata);
}

/* Who waits for it is told. One that was late is asked for again, for what it would have said. */
static void on_unlisted(int code, void *userdata)
{
	struct unit_watch *w = userdata;

	w->is_listing = false;
	confirm(w, UINT64_MAX, "systemd does not answer at the moment");
	if (code == -ETIMEDOUT || w->is_list_wanted)
		list_soon(w);
}

static void on_opened(void *userdata)
{
	struct unit_watch *w = userdata;

	log_notice("systemd answers again");
	list_soon(w);
}

static void on_closed(void *userdata)
{
	struct unit_watch *w = userdata;

	log_notice("systemd has hung up; connecting again");
	w->is_listing = false;
	w->is_known = false;
	confirm(w, UINT64_MAX, "systemd has hung up");
}

static void on_reloaded(void *userdata)
{
	list_soon(userdata);
}

static const struct unit_bus_events bus_events = {
	.opened = on_opened,
	.closed = on_closed,
	.reloaded = on_reloaded,
	.listed = on_listed,
	.unlisted = on_unlisted,
	.active = on_active,
	.result = on_result,
	.made = on_made,
	.unloaded = on_unloaded,
	.job_done = on_job_done,
};

/* --- what we are asked for ----------------------------------------------------------------- */

void unit_watch_describe(const struct unit_watch *w, const char *name,
			 char ret_text[static UNIT_DESCRIPTION_MAX])
{
	snprintf(ret_text, UNIT_DESCRIPTION_MAX, "%s, kept by slicekeep in %s", name,
		 w->owner.paths->run);
}

static int check_start(const struct unit_watch *w, const char *name, unsigned instance,
		       struct error *err)
{
	const struct unit_record *r = unit_record_of(&w->units, name, instance);

	if (!w->is_known)
		return error_set(err, -EAGAIN, "systemd does not answer at the moment");
	if (r && r->fault[0])
		return error_set(err, -EBUSY, "%s", r->fault);
	if (r)
		return error_set(err, -EBUSY, "its last unit \"%s\" has not gone yet", r->unit);
	return 0;
}

int unit_watch_start(struct unit_watch *w, const struct unit_wanted *what, struct error *err)
{
	struct unit_call call = {.fn = on_started};
	struct unit_record *r;
	int code = check_start(w, what->name, what->instance, err);

	if (code < 0)
		return code;
	r = record_new(w, what->name, what->instance, UNIT_STARTING);
	code = r ? 0 : -ENOMEM;
	if (r) {
		call.unit = r->unit;
		call.token = r->number;
		r->n_slices_gone = w->slices.n_gone;
		code = slice_keeping_start(&w->slices, w->bus, &call, what->properties,
					   what->slice);
	}
	if (code < 0) {
		if (r)
			unit_record_free(r);
		return error_set(err, code, "cannot ask systemd to start \"%s\": %s", what->name,
				 strerror(-code));
	}
	r->claimed = true;
	r->deadline_usec = clock_now_usec() + START_USEC;
	set_deadline(w);
	return 0;
}

int unit_watch_change(struct unit_watch *w, const char *name, unsigned instance,
		      const struct unit_properties *p, struct error *err)
{
	struct unit_record *r = unit_record_of(&w->units, name, instance);
	struct unit_call call = {.unit = r ? r->unit : "", .fn = on_set};
	int code;

	if (!r)
		return error_set(err, -ENOENT, "\"%s\" has no unit", name);
	code = unit_bus_set(w->bus, &call, p);
	w->is_due |= code == -ENOTCONN;
	if (code < 0 && code != -ENOTCONN)
		return error_set(err, code, "cannot change \"%s\": %s", r->unit, strerror(-code));
	return 0;
}

int unit_watch_confirm(struct unit_watch *w, launcher_confirmed_fn fn, void *userdata)
{
	int code = confirmations_add(&w->confirmations, ++w->n_asked, fn, userdata);

	if (code < 0)
		return code;
	list_soon(w);
	if (!w->is_known)
		confirm(w, UINT64_MAX,
			"systemd does not answer at the moment; the limits are set when it does");
	return 0;
}

int unit_watch_limit(struct unit_watch *w, const char *group, const struct config_limits *limits)
{
	return slice_keeping_limit(&w->slices, w->bus, group, limits);
}

/* Whatever has no keeper is killed when systemd says that its unit is dead, so what remains to be
 * done is to wait for that; and to stop what no service has claimed. */
bool unit_watch_sweep(struct unit_watch *w)
{
	bool is_left = !w->is_known;

	list_for_each(it, &w->units) {
		struct unit_record *r = list_entry(it, struct unit_record, link);

		if (r->state == UNIT_ALIVE && !r->claimed && !r->stopping) {
			log_notice("%s: a unit of ours that nobody knows is stopped", r->unit);
			act_on_unit(r, UNIT_ACTION_STOP);
		}
		is_left |= r->state == UNIT_DOUBTED || r->state == UNIT_ENDED || !r->claimed;
	}
	return !is_left;
}

int unit_watch_claim(struct unit_watch *w, const char *name, unsigned instance, pid_t pid)
{
	struct unit_record *r = unit_record_of(&w->units, name, instance);

	if (!r) {
		r = record_new(w, name, instance, UNIT_ALIVE);
		list_soon(w); /* which says whether it is there */
	}
	if (!r)
		return -ENOMEM;
	r->claimed = true;
	r->keeper = pid;
	return 0;
}

pid_t unit_watch_keeper(const struct unit_watch *w, const char *name, unsigned instance)
{
	const struct unit_record *r = unit_record_of(&w->units, name, instance);

	return r ? r->keeper : 0;
}

void unit_watch_stop(struct unit_watch *w, const char *name, unsigned instance)
{
	struct unit_record *r = unit_record_of(&w->units, name, instance);

	if (r)
		act_on_unit(r, UNIT_ACTION_STOP);
}

int unit_watch_new(const struct launcher_owner *owner, bool patient, struct unit_watch **ret_watch,
		   struct error *err)
{
	struct unit_watch *w = calloc(1, sizeof(*w));
	struct unit_bus_owner ours = {
		.loop = owner->loop,
		.events = &bus_events,
		.userdata = w,
		.patient = patient,
	};
	int code;

	if (!w)
		return error_set(err, -ENOMEM, "out of memory");
	w->owner = *owner;
	list_init(&w->units);
	list_init(&w->confirmations);
	slice_keeping_init(&w->slices, proc_ram_bytes());
	code = unit_bus_new(&ours, &w->bus, err);
	if (code == 0 && loop_timer_init(&w->deadline, owner->loop, on_deadline, w) < 0)
		code = error_set(err, -ENOMEM, "out of memory");
	if (code < 0) {
		unit_watch_free(w);
		return code;
	}
	list_soon(w);
	*ret_watch = w;
	return 0;
}

void unit_watch_free(struct unit_watch *w)
{
	if (!w)
		return;
	list_for_each_safe(it, &w->units)
		unit_record_free(list_entry(it, struct unit_record, link));
	confirm(w, UINT64_MAX, "the supervisor ends");
	unit_bus_free(w->bus);
	slice_keeping_done(&w->slices);
	loop_timer_done(&w->deadline);
	free(w);
}
