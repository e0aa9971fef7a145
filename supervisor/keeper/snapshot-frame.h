/* SPDX-License-Identifier: MIT */
#pragma once

/* What a keeper tells its peers of the moment; control-frame.h says when. */

#include "lib/base.h"
#include "supervisor/keeper/control-frame.h"

#define KEEPER_STATUS_MAX 128

/** enum keeper_state - what the keeper is doing; the supervisor's states are made of these */
enum keeper_state {
	KEEPER_IDLE,     /* nothing runs, nothing will by itself: before START, after STOP */
	KEEPER_RUNNING,  /* the payload runs */
	KEEPER_STOPPING, /* signal sent, waiting for the payload or the deadline */
	KEEPER_SWEEPING, /* the main process is gone, its tree is being killed */
	KEEPER_BACKOFF,  /* a restart is due at next_usec */
	KEEPER_DONE,     /* a oneshot, or a service with restart "never"/"on-failure", exited 0 */
	KEEPER_FAILED,   /* will not be restarted: failed oneshot, "never", max_restarts reached */
	KEEPER_STATE_COUNT,
};

/**
 * struct keeper_snapshot - the full truth about one instance
 * @state:         enum keeper_state
 * @keeper_pid:    the keeper
 * @main_pid:      the payload's main process, 0 when there is none
 * @ready:         READY=1 came, or KEEPER_READY
 * @n_restarts:    starts after the first since the keeper was started by an operator
 * @n_failures:    failures in a row, that is, position in the backoff table
 * @n_processes:   processes that the last sweep found and killed
 * @life:          number of the current or last life (wall clock of its start, usec)
 * @main_start:    start time of main_pid as in /proc/PID/stat, to tell a reused pid; in the
 *                 greeting, 0 in news of a life that nobody was greeted in
 * @start_usec:    monotonic start of the current life
 * @ready_usec:    monotonic time at which it became ready, 0 before
 * @next_usec:     monotonic time of the next start, in KEEPER_BACKOFF
 * @spec_revision: config revision of the spec that runs
 * @status:        last STATUS= text of the payload, printable
 * @asker:         who asked for the last start or stop
 */
struct keeper_snapshot {
	struct keeper_header header;
	uint32_t state;
	int32_t keeper_pid;
	int32_t main_pid;
	uint32_t ready;
	uint32_t n_restarts;
	uint32_t n_failures;
	uint32_t n_processes;
	uint32_t last_cause;
	uint64_t life;
	uint64_t main_start;
	uint64_t start_usec;
	uint64_t ready_usec;
	uint64_t next_usec;
	uint64_t spec_revision;
	char status[KEEPER_STATUS_MAX];
	char asker[KEEPER_ASKER_MAX];
};

static_assert(sizeof(struct keeper_snapshot) == 8 + 8 * 4 + 6 * 8 + 128 + 48, "no holes");
