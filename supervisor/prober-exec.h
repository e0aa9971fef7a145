/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct error;
struct loop;
struct paths;
struct probe_subject;
struct prober_exec;
struct prober_exec_run;

/** Runs at a time, those included that were abandoned and are still going away. */
#define PROBER_EXEC_RUNS_MAX 256

/**
 * prober_exec_fn() - the program and everything that it started has gone; the run is gone too
 * @wait_status: of its keeper, which exits with the program's code, or 128 + signal
 */
typedef void (*prober_exec_fn)(int wait_status, void *userdata);

/**
 * prober_exec_new() - nothing runs yet; what an earlier supervisor left in run/spec is removed
 * @paths: borrowed
 *
 * Return: 0 or -ENOMEM.
 */
must_check int prober_exec_new(struct loop *loop, const struct paths *paths,
			       struct prober_exec **ret_exec);

/** prober_exec_free() - abandon all runs; NULL is allowed */
void prober_exec_free(struct prober_exec *x);

/** prober_exec_pids() - keepers of the runs, at most @max; Return: how many */
size_t prober_exec_pids(const struct prober_exec *x, int *pids, size_t max);

/**
 * struct prober_exec_what - what is run
 * @argv:         NULL-terminated
 * @subject:      as whom, where and with which environment
 * @timeout_usec: after which its keeper gives up, if nobody abandons the run before
 */
struct prober_exec_what {
	char **argv;
	const struct probe_subject *subject;
	usec_t timeout_usec;
};

/**
 * prober_exec_start() - run a program as the service's user
 * @what: borrowed until the call returns
 * @fn:   called by the loop, once, unless the run is abandoned
 *
 * Return: 0, or negative errno with a text.
 */
must_check int prober_exec_start(struct prober_exec *x, const struct prober_exec_what *what,
				 prober_exec_fn fn, void *userdata,
				 struct prober_exec_run **ret_run, struct error *err);

/** prober_exec_abandon() - end the run in the background; NULL is allowed */
void prober_exec_abandon(struct prober_exec_run *run);
