/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct error;
struct desired;

/*
 * The operator's will: which services were stopped or started by hand. What was never touched
 * follows its autostart. Survives restarts of the supervisor and reboots (atomic file in the state
 * folder).
 */

enum desired_state {
	DESIRED_DEFAULT,
	DESIRED_RUN,
	DESIRED_STOP,
};

/** desired_open() - read FOLDER/desired.json; a damaged file is an error that names it */
must_check int desired_open(const char *folder, struct desired **ret_desired, struct error *err);

/** desired_close() - NULL is allowed */
void desired_close(struct desired *d);

/** desired_get() - the will for @name */
enum desired_state desired_get(const struct desired *d, const char *name);

/**
 * desired_set() - remember the will; on disk when it returns
 *
 * Return: 0, or negative errno with a text (the old will stays).
 */
must_check int desired_set(struct desired *d, const char *name, enum desired_state state,
			   struct error *err);

/**
 * desired_set_all() - the same for @n_names at once, with one write
 * @names: borrowed
 *
 * Return: as desired_set().
 */
must_check int desired_set_all(struct desired *d, const char *const *names, size_t n_names,
			       enum desired_state state, struct error *err);
