/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct config_probe;
struct error;
struct identity;
struct loop;
struct paths;

/*
 * Probes: tcp and http in slicekeep-probe, a child without any authority that is started with the
 * first of them; exec as the service's user under a keeper of its own, so that its whole tree is
 * gone with it; log by following the collector.
 */

struct prober;
struct probe;

/**
 * struct probe_subject - whom a probe is about
 * @name @instance @life: which life of which service (for log)
 * @id @env @cwd:         what an exec probe runs with
 */
struct probe_subject {
	const char *name;
	unsigned instance;
	uint64_t life;
	const struct identity *id;
	char *const *env;
	const char *cwd;
};

/** enum probe_outcome - what is known of the one that was probed */
enum probe_outcome {
	PROBE_PASSED,
	PROBE_FAILED,
	PROBE_UNKNOWN, /* who looked for us has died, and says nothing about it */
};

/**
 * probe_fn() - a probe has ended; it is gone after this call
 * @text: bounded, printable: "connection refused", "HTTP 503", "exit 2", "timeout"
 */
typedef void (*probe_fn)(enum probe_outcome outcome, const char *text, void *userdata);

/** struct probe_asker - who wants to know */
struct probe_asker {
	probe_fn fn;
	void *userdata;
};

/** prober_new() - Return: 0 or negative errno; @paths is borrowed */
must_check int prober_new(struct loop *loop, const struct paths *paths, struct prober **ret_prober);

/** prober_free() - cancel everything, end the child; NULL is allowed */
void prober_free(struct prober *p);

/** prober_pids() - pids of our children that are no keepers, at most @max; Return: how many */
size_t prober_pids(const struct prober *p, int *pids, size_t max);

/**
 * prober_start() - one probe
 * @what: tcp, http, exec: one attempt, bounded by its timeout_usec; log: until a line matches or
 *        the timeout
 * @asker: copied; called once unless the probe is cancelled, never from inside this call
 *
 * Return: 0, or negative errno with a text when it cannot even be tried: what is probed is as
 * unknown then as with PROBE_UNKNOWN.
 */
must_check int prober_start(struct prober *p, const struct config_probe *what,
			    const struct probe_subject *subject, const struct probe_asker *asker,
			    struct probe **ret_probe, struct error *err);

/** probe_cancel() - the callback is not called any more; NULL is allowed */
void probe_cancel(struct probe *probe);
