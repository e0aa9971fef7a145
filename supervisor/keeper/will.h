/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct keeper;

/** enum - outcomes of will_find() */
enum {
	WILL_NONE = 0,
	WILL_FOUND = 1,
};

/**
 * will_find() - look for the will of a keeper that was killed, among what the manager gave us
 * @k: with its sockets; the descriptors of the will are taken out of them and into their places
 *
 * The pipes of one that has left in order are taken over, and nothing else.
 *
 * Return: WILL_FOUND or WILL_NONE, also when it cannot be used, which is said.
 */
must_check int will_find(struct keeper *k);

/**
 * will_make() - give the manager what the next keeper will need
 *
 * Return: 0 or negative errno.
 */
must_check int will_make(struct keeper *k);

/**
 * will_renew() - the same for a page that was made anew while a life runs
 *
 * Return: 0 or negative errno.
 */
must_check int will_renew(struct keeper *k);

/**
 * will_carry_out() - go on where the killed keeper stopped
 *
 * Context: after will_find(); may spawn.
 * Return: 0 or negative errno.
 */
must_check int will_carry_out(struct keeper *k);

/** will_note() - write down where the machine and the life stand; nothing outside a unit */
void will_note(struct keeper *k);

/** will_post() - leave the pipes and sockets to the next keeper if any have changed; the same */
void will_post(struct keeper *k);
