/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct error;
struct launcher;
struct launcher_events;
struct loop;
struct paths;

/**
 * struct launcher_owner - on whose behalf a launcher works
 * @events: borrowed, outlives the launcher; @userdata is theirs
 * @paths:  borrowed, outlives the launcher
 */
struct launcher_owner {
	struct loop *loop;
	const struct paths *paths;
	const struct launcher_events *events;
	void *userdata;
};

/**
 * launcher_new() - the launcher of that name
 * @name: "direct", "systemd", or "auto": systemd where we run in a unit of a systemd that answers,
 *        otherwise direct, with the reason in the log
 *
 * Return: 0 or negative errno with a text.
 */
must_check int launcher_new(const char *name, const struct launcher_owner *owner,
			    struct launcher **ret_launcher, struct error *err);

/** launcher_is_known() - whether launcher_new() knows that name */
bool launcher_is_known(const char *name);

/**
 * launcher_direct_new() - keepers as our own children, in sessions of their own
 *
 * Makes this process a subreaper. Return: 0 or negative errno with a text.
 */
must_check int launcher_direct_new(const struct launcher_owner *owner,
				   struct launcher **ret_launcher, struct error *err);

/**
 * launcher_systemd_new() - keepers as transient units of systemd, the system's or that of a user
 * @patient: a manager that does not answer now is tried again; until then starts fail
 *
 * Return: 0, or negative errno with a text when libsystemd or the manager cannot be reached.
 */
must_check int launcher_systemd_new(const struct launcher_owner *owner, bool patient,
				    struct launcher **ret_launcher, struct error *err);
