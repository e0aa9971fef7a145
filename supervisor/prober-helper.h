/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"
#include "supervisor/probe/probe-frame.h"

struct error;
struct loop;
struct prober_helper;

/** Requests that wait for the helper to read; one more is refused. */
#define PROBER_HELPER_WAITING_MAX 1024

/**
 * struct prober_helper_events - what the helper says; called by the loop
 * @reply: an attempt has ended; @text is terminated, but may hold any bytes
 * @died:  the helper is gone, and with it every attempt that has not ended
 *
 * Context: may ask and cancel, must not free the helper.
 */
struct prober_helper_events {
	void (*reply)(uint64_t id, bool ok, const char *text, void *userdata);
	void (*died)(void *userdata);
};

/** prober_helper_new() - nothing is started yet; @events is borrowed; Return: 0 or -ENOMEM */
must_check int prober_helper_new(struct loop *loop, const struct prober_helper_events *events,
				 void *userdata, struct prober_helper **ret_helper);

/** prober_helper_free() - hang up, which ends slicekeep-probe; NULL is allowed */
void prober_helper_free(struct prober_helper *h);

/** prober_helper_pid() - slicekeep-probe, 0 while it does not run */
pid_t prober_helper_pid(const struct prober_helper *h);

/**
 * prober_helper_ask() - one attempt; starts slicekeep-probe when it does not run
 * @id: for the reply
 *
 * Context: calls nobody back.
 * Return: 0, or negative errno with a text.
 */
must_check int prober_helper_ask(struct prober_helper *h, uint64_t id, enum probe_kind kind,
				 const char *target, usec_t timeout_usec, struct error *err);

/** prober_helper_cancel() - no reply is wanted any more; one may come all the same */
void prober_helper_cancel(struct prober_helper *h, uint64_t id);
