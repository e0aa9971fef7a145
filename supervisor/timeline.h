/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct collector_link;
struct events;
struct loop;
struct timeline;

/**
 * timeline_new() - from now on all events go into the collector's store
 * @events: outlives the time line
 * @link:   to the collector; outlives it too
 * @socket: where the collector answers questions, run/log.sock
 *
 * Return: 0 or negative errno.
 */
must_check int timeline_new(struct loop *loop, struct events *events, struct collector_link *link,
			    const char *socket, struct timeline **ret_timeline);

/** timeline_hurry() - everything ends, the collector last of all: write each event at once from now
 * on
 */
void timeline_hurry(struct timeline *t);

/** timeline_free() - what the pipe holds is the collector's; NULL is allowed */
void timeline_free(struct timeline *t);
