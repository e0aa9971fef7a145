/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct crowd;
struct loop;

/** How long nobody in a crowd is listened to after somebody was heard. A restart that is due after
 * that is held in time, if there is no place for it (control-frame.h). */
#define CROWD_NAP_USEC (50 * USEC_PER_MSEC)

/** From so many members on; fewer are heard at once. */
#define CROWD_NAP_FROM 8

typedef void (*crowd_fn)(void *userdata);

/** struct crowd_member - a descriptor in a crowd; outside of one when it is all zero */
struct crowd_member {
	struct crowd *crowd;
	crowd_fn fn;
	void *userdata;
	int fd;
};

/**
 * crowd_new() - a crowd of nobody
 * @nap_usec: CROWD_NAP_USEC
 *
 * Return: 0 or negative errno.
 */
must_check int crowd_new(struct loop *loop, usec_t nap_usec, struct crowd **ret_crowd);

/** crowd_free() - all members have left before; NULL is allowed */
void crowd_free(struct crowd *c);

/** crowd_loop() - the loop that it lives in; borrowed */
struct loop *crowd_loop(const struct crowd *c);

/**
 * crowd_join() - listen to @fd with the others
 * @m:  outside of any crowd; stays where it is until it leaves
 * @fn: called when there is something to read; may make this member leave, or any other
 *
 * Return: 0 or negative errno. The descriptor stays the caller's, who makes the member leave before
 * it is closed.
 */
must_check int crowd_join(struct crowd *c, struct crowd_member *m, int fd, crowd_fn fn,
			  void *userdata);

/** crowd_leave() - do not listen to it any more; nothing when it is in no crowd */
void crowd_leave(struct crowd_member *m);
