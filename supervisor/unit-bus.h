/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "supervisor/unit-found.h"

struct error;
struct loop;
struct unit_properties;

/*
 * systemd's manager as we need it: units are made, stopped, killed, changed and listed, and what
 * happens to units of ours is told. All answers come later, from the loop.
 */

struct unit_bus;

/** struct unit_answer - what came of a call
 * @code: 0 or negative errno: -EEXIST: it is there already, -ENOENT: it is not there, -ECONNRESET:
 *        nobody knows, all will be listed anew; any other has @text
 * @text: what the manager said; "" when nothing
 * @job:  of a start or stop: its object path
 */
struct unit_answer {
	int code;
	const char *text;
	const char *job;
};

/** unit_bus_fn() - a call was answered; @userdata is the bus's */
typedef void (*unit_bus_fn)(const char *unit, uint64_t token, const struct unit_answer *answer,
			    void *userdata);

/**
 * struct unit_call - whom a call is about, and who gets its answer
 * @token: given back with the answer
 * @fn:    NULL: nobody
 */
struct unit_call {
	const char *unit;
	uint64_t token;
	unit_bus_fn fn;
};

/**
 * struct unit_bus_events - what happens; of units whose names begin with "slicekeep"
 * @opened:   connected (anew): list them
 * @closed:   the connection broke
 * @reloaded: it has read all units anew, in which they were gone for a moment: list them
 * @listed:   answer to unit_bus_list() number @serial, with all that are loaded
 * @unlisted: the other answer: there is a connection, but no list; @code as in unit_answer
 * @active:   a unit's state has changed
 * @result:   how a service's main process ended last: systemd's word for it, and its exit status
 * @made:     a unit was loaded
 * @unloaded: a unit is not known to the manager any more: nothing is left of it
 * @job_done: a job of a unit ended; @result "done", or why not
 */
struct unit_bus_events {
	void (*opened)(void *userdata);
	void (*closed)(void *userdata);
	void (*reloaded)(void *userdata);
	void (*listed)(uint64_t serial, const struct unit_found *units, size_t n, void *userdata);
	void (*unlisted)(int code, void *userdata);
	void (*active)(const char *unit, enum unit_activity activity, void *userdata);
	void (*result)(const char *unit, const char *result, int status, void *userdata);
	void (*made)(const char *unit, void *userdata);
	void (*unloaded)(const char *unit, void *userdata);
	void (*job_done)(const char *unit, const char *job, const char *result, void *userdata);
};

/**
 * struct unit_bus_owner - who uses it
 * @events:  borrowed, outlive the bus
 * @patient: a manager that does not answer now is tried again; @opened tells when it does
 */
struct unit_bus_owner {
	struct loop *loop;
	const struct unit_bus_events *events;
	void *userdata;
	bool patient;
};

/**
 * unit_bus_new() - connect to the system's manager, or to that of a user who is not root
 * @owner: copied
 *
 * Context: calls nobody back. If it is connected, unit_bus_list() comes next.
 * Return: 0; -ENOTSUP where the machine was not booted with systemd or the user has no manager, or
 * another negative errno; with a text.
 */
must_check int unit_bus_new(const struct unit_bus_owner *owner, struct unit_bus **ret_bus,
			    struct error *err);

/** unit_bus_free() - what waits is answered with -ECONNRESET; NULL is allowed */
void unit_bus_free(struct unit_bus *b);

/** struct unit_made - a unit to make */
struct unit_made {
	const char *unit;
	const struct unit_properties *properties;
};

/**
 * unit_bus_start() - make a transient unit and start it
 * @p:   its properties
 * @aux: @n_aux units that are made in the same step, before it
 *
 * Context: as for all calls, the answer comes from the loop.
 * Return: as all calls, 0, -ENOTCONN, or another negative errno; then there is no answer.
 */
must_check int unit_bus_start(struct unit_bus *b, const struct unit_call *call,
			      const struct unit_properties *p, const struct unit_made *aux,
			      size_t n_aux);

/** unit_bus_revive() - start a unit that has ended, but is still loaded, as it was made */
must_check int unit_bus_revive(struct unit_bus *b, const struct unit_call *call);

/** unit_bus_stop() - end it; it is not restarted */
must_check int unit_bus_stop(struct unit_bus *b, const struct unit_call *call);

/** unit_bus_kill() - SIGKILL to whatever is in its cgroup */
must_check int unit_bus_kill(struct unit_bus *b, const struct unit_call *call);

/** unit_bus_set() - change properties for as long as it is loaded */
must_check int unit_bus_set(struct unit_bus *b, const struct unit_call *call,
			    const struct unit_properties *p);

/** unit_bus_main_pid() - ask for the main process of a service; answered with the pid as text */
must_check int unit_bus_main_pid(struct unit_bus *b, const struct unit_call *call);

/** unit_bus_list() - ask which units there are; @listed answers with the same @serial, or @unlisted
 */
must_check int unit_bus_list(struct unit_bus *b, uint64_t serial);
