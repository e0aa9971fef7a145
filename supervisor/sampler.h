/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "lib/list.h"
#include "supervisor/ring.h"

struct error;
struct gauge;
struct manager;
struct sampler;
struct service;

/** struct sampler_watcher - somebody who wants each second's numbers; lives inside them */
struct sampler_watcher {
	struct list link;
	void (*sampled)(void *userdata);
	void *userdata;
};

/**
 * sampler_new() - what all services use, once a second, as long as there is anything to measure
 * @m: outlives the sampler
 *
 * SLICEKEEP_NUMBERS=off keeps the timer from running but for a watcher; then there is no history.
 *
 * Return: 0 or negative errno with a text.
 */
must_check int sampler_new(struct manager *m, struct sampler **ret_sampler, struct error *err);

/** sampler_free() - write the last minute of each; NULL is allowed */
void sampler_free(struct sampler *sm);

/**
 * sampler_look() - look at a service now, because somebody asks
 *
 * Its processes are counted, and where no cgroup tells what they use, /proc does. Nothing happens
 * for one that does not run.
 */
void sampler_look(struct sampler *sm, struct service *s);

/** sampler_refresh() - the same, unless what is known is fresh enough to be shown, or all is off */
void sampler_refresh(struct sampler *sm, struct service *s);

/** sampler_gauge() - what a service uses at this moment; NULL when nobody has looked; borrowed */
const struct gauge *sampler_gauge(const struct service *s);

/** sampler_watch() - tell @w each second, with a look at all services before */
void sampler_watch(struct sampler *sm, struct sampler_watcher *w);

/** sampler_unwatch() - no more; twice is allowed once it was list_init()ed */
void sampler_unwatch(struct sampler_watcher *w);

/** sampler_slices() - the slices that are measured now: links of struct gauge; borrowed */
const struct list *sampler_slices(const struct sampler *sm);

/**
 * struct sampler_past - what of the past is asked for
 * @limit: the newest ones, at most so many
 */
struct sampler_past {
	const char *name;
	bool is_slice;
	enum ring_step step;
	size_t limit;
};

/**
 * sampler_history() - what was kept of a service or slice, oldest first
 * @ret_records: heap
 *
 * Return: 0 or negative errno.
 */
must_check int sampler_history(const struct sampler *sm, const struct sampler_past *past,
			       struct ring_record **ret_records, size_t *ret_n);
