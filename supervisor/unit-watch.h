/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"
#include "supervisor/launcher.h"

struct config_limits;
struct error;
struct launcher_owner;
struct unit_properties;
struct unit_watch;

/** Room for a unit's description. */
#define UNIT_DESCRIPTION_MAX 4608

/**
 * unit_watch_new() - connect to systemd's manager and find out which units of ours there are
 * @owner:   is told what happens to them
 * @patient: a manager that does not answer now is tried again, and until then nothing starts
 *
 * Return: 0 or negative errno with a text.
 */
must_check int unit_watch_new(const struct launcher_owner *owner, bool patient,
			      struct unit_watch **ret_watch, struct error *err);

/** unit_watch_free() - forget them; they run on. NULL is allowed */
void unit_watch_free(struct unit_watch *w);

/**
 * unit_watch_describe() - the description that a service's unit has
 *
 * It says whose unit it is: another slicekeep may have the same manager.
 */
void unit_watch_describe(const struct unit_watch *w, const char *name,
			 char ret_text[static UNIT_DESCRIPTION_MAX]);

/** struct unit_wanted - a unit to start; all is borrowed for the call */
struct unit_wanted {
	const char *name;
	unsigned instance;
	const char *slice;
	const struct unit_properties *properties;
};

/**
 * unit_watch_start() - have it made and started
 *
 * Return: 0; -EBUSY when the last unit of that name is not gone yet, -EAGAIN while systemd does not
 * answer, another negative errno; all with a text.
 */
must_check int unit_watch_start(struct unit_watch *w, const struct unit_wanted *what,
				struct error *err);

/**
 * unit_watch_change() - change properties of a unit that is there
 *
 * Return: 0, -ENOENT when there is none, negative errno; with a text.
 */
must_check int unit_watch_change(struct unit_watch *w, const char *name, unsigned instance,
				 const struct unit_properties *p, struct error *err);

/**
 * unit_watch_limit() - give a slice its caps, now or when it is made
 * @group: NULL: the slice of all groups
 *
 * Return: 0 or -ENOMEM.
 */
must_check int unit_watch_limit(struct unit_watch *w, const char *group,
				const struct config_limits *limits);

/**
 * unit_watch_confirm() - be told when systemd has carried out what was asked for before
 *
 * Return: 0, or -ENOMEM; then @fn is not called.
 */
must_check int unit_watch_confirm(struct unit_watch *w, launcher_confirmed_fn fn, void *userdata);

/** unit_watch_stop() - have it ended, and not brought back */
void unit_watch_stop(struct unit_watch *w, const char *name, unsigned instance);

/**
 * unit_watch_claim() - somebody has heard its keeper
 * @pid: the keeper
 *
 * Return: 0 or -ENOMEM.
 */
must_check int unit_watch_claim(struct unit_watch *w, const char *name, unsigned instance,
				pid_t pid);

/** unit_watch_keeper() - the keeper that was heard last; 0: none */
pid_t unit_watch_keeper(const struct unit_watch *w, const char *name, unsigned instance);

/**
 * unit_watch_sweep() - stop what nobody has claimed; Return: whether nothing is left of any unit
 * that has ended
 */
bool unit_watch_sweep(struct unit_watch *w);
