/* SPDX-License-Identifier: MIT */

/*
 * `up --launcher systemd` without an installed unit: the keeper of the supervisor becomes a
 * transient unit, in the slice of our own daemons, which is made with it.
 *
 * The cli cannot do that itself, since it is a static program and libsystemd a shared library; and
 * the supervisor cannot move itself, since a unit has what systemd started. So the cli runs this
 * program once more, for as long as it takes.
 *
 * What is there decides. A unit of that name that was left by a supervisor which died too often
 * cannot be made anew as long as a keeper refers to it, and is started again as it is; one of
 * another slicekeep is not ours to touch.
 */

#include "supervisor/enter-unit.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/loop.h"
#include "lib/paths.h"
#include "lib/text.h"
#include "supervisor/proc.h"
#include "supervisor/slice-defaults.h"
#include "supervisor/slice-keeping.h"
#include "supervisor/unit-bus.h"
#include "supervisor/unit-name.h"
#include "supervisor/unit-properties.h"

#define NAME "supervisor"

/** Beside the manager's own deadline for a start. */
#define DEADLINE_USEC (15 * USEC_PER_SEC)

/** Everything stops in order within that, or it is ended by force. */
#define STOP_USEC (5 * USEC_PER_MINUTE)

/** Ours go after everybody else's, but not never. */
#define OOM_SCORE_ROOT (-900)

/** Variables that say where everything is. */
#define VARIABLES_MAX 16

struct entry {
	const char *const *argv;
	struct loop *loop;
	struct unit_bus *bus;
	struct slice_keeping slices;
	struct loop_timer deadline;
	char unit[UNIT_NAME_MAX];
	char description[PATH_MAX + 64];
	char *job;
	char fault[128];
	pid_t pid;
	int code;
	struct error *err;
};

static void end(struct entry *e, int code)
{
	e->code = code;
	loop_stop(e->loop, 0);
}

static void on_pid(const char *unit, uint64_t token, const struct unit_answer *a, void *userdata)
{
	struct entry *e = userdata;

	if (a->code == -ECONNRESET)
		return; /* which is told for all */
	e->pid = a->code == 0 ? (pid_t)strtol(a->text, NULL, 10) : 0;
	if (e->pid <= 0)
		end(e, error_set(e->err, -EIO,
				 "the unit \"%s\" has ended already (journalctl -u "
				 "%s)",
				 unit, unit));
	else
		end(e, 0);
}

static void on_job_done(const char *unit, const char *job, const char *result, void *userdata)
{
	struct entry *e = userdata;
	struct unit_call ask = {.unit = e->unit, .fn = on_pid};
	int code;

	if (!text_equal(e->job, job))
		return;
	if (strcmp(result, "done") != 0) {
		end(e, error_set(e->err, -EIO, "systemd could not start \"%s\": %s", e->unit,
				 e->fault[0] ? e->fault : result));
		return;
	}
	code = unit_bus_main_pid(e->bus, &ask);
	if (code < 0)
		end(e, error_set(e->err, code, "cannot ask systemd for the pid of \"%s\": %s",
				 e->unit, strerror(-code)));
}

static void on_result(const char *unit, const char *result, int status, void *userdata)
{
	struct entry *e = userdata;

	if (text_equal(unit, e->unit))
		snprintf(e->fault, sizeof(e->fault), "%s, status %d", result, status);
}

static void on_started(const char *unit, uint64_t token, const struct unit_answer *a,
		       void *userdata)
{
	struct entry *e = userdata;

	if (a->code == -ECONNRESET)
		return; /* which is told for all */
	if (a->code == 0)
		e->job = strdup(a->job);
	if (!e->job)
		end(e, error_set(e->err, a->code < 0 ? a->code : -ENOMEM,
				 "systemd refuses to start \"%s\": %s", unit, a->text));
}

/* Where everything is has to be the same there as here. */
static void find_variables(const char *ret_variables[static VARIABLES_MAX + 1])
{
	size_t n = 0;

	for (char **v = environ; *v && n < VARIABLES_MAX; v++)
		if (text_starts(*v, "SLICEKEEP_"))
			ret_variables[n++] = *v;
	ret_variables[n] = NULL;
}

static int make(struct entry *e)
{
	cleanup_free struct unit_properties *p = calloc(1, sizeof(*p));
	const char *variables[VARIABLES_MAX + 1];
	char slice[UNIT_NAME_MAX];
	struct unit_call call = {.unit = e->unit, .token = 1, .fn = on_started};
	struct unit_keeper keeper = {
		.description = e->description,
		.slice = slice,
		.argv = e->argv,
		.env = variables,
		.oom_score = geteuid() == 0 ? OOM_SCORE_ROOT : INT_MIN,
		.stop_usec = STOP_USEC,
		.outermost = true,
	};

	if (!p)
		return -ENOMEM;
	find_variables(variables);
	unit_name_slice(SLICE_SYSTEM, slice);
	unit_properties_add_keeper(p, &keeper);
	return slice_keeping_start(&e->slices, e->bus, &call, p, slice);
}

static int revive(struct entry *e, const struct unit_found *found)
{
	struct unit_call call = {.unit = e->unit, .fn = on_started};

	if (strcmp(found->description, e->description) != 0)
		return error_set(e->err, -EEXIST,
				 "there is a unit \"%s\" already, of another slicekeep: %s",
				 e->unit, found->description);
	return unit_bus_revive(e->bus, &call);
}

static void on_listed(uint64_t serial, const struct unit_found *units, size_t n, void *userdata)
{
	struct entry *e = userdata;
	const struct unit_found *found = unit_found_find(units, n, e->unit);
	int code;

	slice_keeping_listed(&e->slices, e->bus, serial, units, n);
	code = found ? revive(e, found) : make(e);
	if (code < 0 && !e->err->code)
		error_set(e->err, code, "cannot ask systemd to start \"%s\": %s", e->unit,
			  strerror(-code));
	if (code < 0)
		end(e, code);
}

static void on_unlisted(int code, void *userdata)
{
	struct entry *e = userdata;

	end(e, error_set(e->err, code, "systemd does not say which units there are: %s",
			 strerror(-code)));
}

static void on_deadline(void *userdata)
{
	struct entry *e = userdata;

	end(e, error_set(e->err, -ETIMEDOUT, "systemd does not answer"));
}

static void on_closed(void *userdata)
{
	struct entry *e = userdata;

	end(e, error_set(e->err, -ECONNRESET, "systemd has hung up: try again"));
}

static void on_nothing(void *userdata)
{
}

static void on_unit(const char *unit, void *userdata)
{
}

static void on_active(const char *unit, enum unit_activity activity, void *userdata)
{
}

static const struct unit_bus_events bus_events = {
	.opened = on_nothing,
	.closed = on_closed,
	.reloaded = on_nothing,
	.listed = on_listed,
	.unlisted = on_unlisted,
	.active = on_active,
	.result = on_result,
	.made = on_unit,
	.unloaded = on_unit,
	.job_done = on_job_done,
};

static int open_all(struct entry *e)
{
	struct unit_bus_owner owner = {.events = &bus_events, .userdata = e};
	int code = loop_new(&e->loop);

	if (code == 0)
		code = loop_timer_init(&e->deadline, e->loop, on_deadline, e);
	if (code == 0)
		code = loop_timer_set(&e->deadline, clock_now_usec() + DEADLINE_USEC);
	if (code < 0)
		return error_set(e->err, code, "cannot start: %s", strerror(-code));
	owner.loop = e->loop;
	code = unit_bus_new(&owner, &e->bus, e->err);
	return code < 0 ? code : unit_bus_list(e->bus, 1);
}

static void entry_done(struct entry *e)
{
	unit_bus_free(e->bus);
	slice_keeping_done(&e->slices);
	loop_timer_done(&e->deadline);
	loop_free(e->loop);
	free(e->job);
}

int enter_unit(const struct paths *paths, const char *const *argv, pid_t *ret_pid,
	       struct error *err)
{
	cleanup(entry_done) struct entry e = {.argv = argv, .err = err};
	int code;

	slice_keeping_init(&e.slices, proc_ram_bytes());
	unit_name_service(NAME, 0, e.unit);
	snprintf(e.description, sizeof(e.description), "slicekeep in %s", paths->run);
	code = open_all(&e);
	if (code == 0)
		code = loop_run(e.loop);
	if (code == 0)
		code = e.code;
	if (code == 0)
		*ret_pid = e.pid;
	return code;
}
