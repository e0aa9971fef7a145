/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "lib/loop.h"
#include "supervisor/prober.h"

struct config_probe;

/** Between two attempts of a readiness probe: from the first, doubling, to the second. */
#define READINESS_PAUSE_MIN_USEC (20 * USEC_PER_MSEC)
#define READINESS_PAUSE_MAX_USEC (1 * USEC_PER_SEC)

/** Bytes of what the last probe said that are remembered. */
#define READINESS_TEXT_MAX 160

enum readiness_result {
	READINESS_OK,        /* the life is ready */
	READINESS_LATE,      /* it was not within its time */
	READINESS_UNHEALTHY, /* a ready one failed its health probe too often */
};

typedef void (*readiness_fn)(enum readiness_result result, void *userdata);

/**
 * struct readiness - the probing of one life, embedded in its service
 * @unknown: nothing was learned of the last attempt
 * @text: what the last probe said, printable; "" before the first
 */
struct readiness {
	struct loop *loop;
	struct prober *prober;
	readiness_fn fn;
	void *userdata;
	struct loop_timer timer;
	struct loop_timer deadline;
	struct probe *probe;
	const struct config_probe *what;
	struct probe_subject subject;
	bool health;
	bool unknown;
	unsigned failures;
	usec_t pause_usec;
	char text[READINESS_TEXT_MAX];
};

/** readiness_init() - nothing is probed yet; Return: 0 or -ENOMEM */
must_check int readiness_init(struct readiness *r, struct loop *loop, struct prober *prober,
			      readiness_fn fn, void *userdata);

/** readiness_done() - end and free */
void readiness_done(struct readiness *r);

/**
 * readiness_await() - find out when a life is ready
 * @what:       its "ready"; borrowed until readiness_end(). CONFIG_PROBE_NOTIFY only sets the
 *              deadline: the keeper hears READY=1
 * @subject:    copied; what it points at is borrowed until readiness_end()
 * @start_usec: monotonic start of the life
 *
 * Context: the callback comes from the loop, once.
 */
void readiness_await(struct readiness *r, const struct config_probe *what,
		     const struct probe_subject *subject, usec_t start_usec);

/** readiness_watch() - probe a ready life every now and then, until it fails too often */
void readiness_watch(struct readiness *r, const struct config_probe *what,
		     const struct probe_subject *subject);

/** readiness_end() - stop probing; may be called in any state */
void readiness_end(struct readiness *r);
