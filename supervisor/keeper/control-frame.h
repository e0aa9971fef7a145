/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The keeper's control socket: SEQPACKET, one struct a message, host byte order (both ends run on
 * one host, and an upgrade replaces the keeper by re-exec; the greeting has the version).
 *
 *   keeper -> peer, at once after accept: struct keeper_snapshot (the greeting)
 *   peer -> keeper: struct keeper_request, any time
 *   keeper -> peer, answer to a request: struct keeper_answer with the request's serial
 *   keeper -> subscriber: struct keeper_snapshot at each change, struct keeper_exit at each exit;
 *     who has given an order without a serial is not told that it stops now; in a crash loop a
 *     life is told when it has lasted for a moment, or by its exit only
 *
 * What a keeper tells is in snapshot-frame.h and exit-frame.h, what it is told and answers here.
 * All are headers only and pure: the keeper links nothing but libc, the supervisor includes them.
 */

#include "lib/base.h"

#define KEEPER_MAGIC 0x736b6b31u /* "skk1" */
#define KEEPER_VERSION 2

#define KEEPER_ASKER_MAX 48
#define KEEPER_FDS_MAX 16
#define KEEPER_FD_NAME_MAX 32
/** From so many failures in a row on, a restart takes a place in the host's budget. KEEPER_BACKOFF
 * tells when it is due, and if nobody says KEEPER_HOLD until then, it is granted. */
#define KEEPER_BUDGET_FROM 3

enum keeper_message {
	KEEPER_MESSAGE_SNAPSHOT = 1,
	KEEPER_MESSAGE_REQUEST,
	KEEPER_MESSAGE_ANSWER,
	KEEPER_MESSAGE_EXIT,
};

enum keeper_command {
	KEEPER_START = 1, /* read the spec, start; clears the backoff. Nothing while running */
	KEEPER_STOP,      /* stop, sweep, stay IDLE */
	KEEPER_LEAVE,     /* stop, sweep, wait for the pipes to drain, exit 0 */
	KEEPER_RESTART,   /* stop, sweep, read the spec, start at once; clears the backoff */
	KEEPER_FAIL,      /* the same, but counted as a failure, for @cause: backoff applies */
	KEEPER_SIGNAL,    /* send signal @arg to the main process */
	KEEPER_SUBSCRIBE, /* snapshots and exits from now on; first the exits after @since_life */
	KEEPER_RELOAD,    /* read the spec for everything that may change without a restart */
	KEEPER_GET_FDS,   /* the answer carries the LISTEN_FDS sockets */
	KEEPER_SET_FDS,   /* with descriptors: the LISTEN_FDS sockets from the next start on */
	KEEPER_HOLD,   /* no place in the budget: the restart that is due waits until @until_usec */
	KEEPER_READY,  /* the supervisor's probe found the payload ready */
	KEEPER_REEXEC, /* replace the keeper's program in place: same pid, same children */
	KEEPER_COMMAND_COUNT,
};

/** struct keeper_header - first in each message */
struct keeper_header {
	uint32_t magic;
	uint16_t version;
	uint16_t message; /* enum keeper_message */
};

/**
 * struct keeper_request - what a peer wants
 * @command:    enum keeper_command
 * @serial:     returned in the answer; 0: only a refusal is answered
 * @arg:        KEEPER_SIGNAL: the signal; KEEPER_SET_FDS: number of descriptors
 * @cause:      enum keeper_cause, for KEEPER_FAIL
 * @since_life: for KEEPER_SUBSCRIBE
 * @until_usec: for KEEPER_HOLD, monotonic
 * @asker:      who asked, for the report: "cli root", "health", "supervisor"
 * @fd_names:   names of the descriptors of KEEPER_SET_FDS, for LISTEN_FDNAMES
 */
struct keeper_request {
	struct keeper_header header;
	uint32_t command;
	uint32_t serial;
	int32_t arg;
	uint32_t cause;
	union {
		uint64_t since_life;
		uint64_t until_usec;
	};
	char asker[KEEPER_ASKER_MAX];
	char fd_names[KEEPER_FDS_MAX][KEEPER_FD_NAME_MAX];
};

/**
 * struct keeper_answer - the request was taken (what follows comes as snapshots), or why not
 * @result: 0 or negative errno
 * @arg:    KEEPER_GET_FDS: number of descriptors that come with it
 */
struct keeper_answer {
	struct keeper_header header;
	uint32_t serial;
	int32_t result;
	int32_t arg;
	uint32_t reserved;
	char fd_names[KEEPER_FDS_MAX][KEEPER_FD_NAME_MAX];
};

static_assert(sizeof(struct keeper_header) == 8, "part of the wire format");
static_assert(sizeof(struct keeper_request) == 8 + 16 + 8 + 48 + 512, "no holes");
static_assert(sizeof(struct keeper_answer) == 8 + 16 + 512, "no holes");
