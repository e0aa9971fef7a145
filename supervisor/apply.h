/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

struct error;
struct manager;

/**
 * apply_first() - take up the config at start
 *
 * While the platform is up, the applied revision counts and not the file, which somebody may be
 * editing: so a supervisor that comes back goes on with what its predecessor had. Otherwise the
 * file is read and becomes the next revision.
 *
 * Return: 0 or negative errno with a text.
 */
must_check int apply_first(struct manager *m, struct error *err);

/**
 * struct apply_request - a config to be applied
 * @text: its content, or NULL to read the config file
 * @save: write @text to the config file first
 * @who:  for the revision
 * @why:  for the revision
 */
struct apply_request {
	const char *text;
	bool save;
	const char *who;
	const char *why;
};

/**
 * apply_config() - check everything, then carry it out: all or nothing
 * @ret_reply: {revision, rows, warnings}, a new reference
 *
 * Return: 0, or negative errno with a text and the id io.slicekeep.supervisor.ConfigInvalid.
 */
must_check int apply_config(struct manager *m, const struct apply_request *request,
			    json_t **ret_reply, struct error *err);

/** apply_plan() - what apply_config() would do; @ret_reply is {rows, warnings} */
must_check int apply_plan(struct manager *m, const char *text, json_t **ret_reply,
			  struct error *err);

/**
 * apply_catch_up() - renew what still runs by an older config
 *
 * A supervisor that was killed while it carried a config out has left it to its successor: the
 * keepers say by which revision's spec they run.
 */
void apply_catch_up(struct manager *m);

/** apply_forget() - the platform goes down: the next start reads the file again */
void apply_forget(struct manager *m);
