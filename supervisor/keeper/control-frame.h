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
 * Header only and pure: the keeper links nothing but libc, the supervisor includes this file.
 */

#include "lib/base.h"

#define KEEPER_MAGIC 0x736b6b31u /* "skk1" */
#define KEEPER_VERSION 2

#define KEEPER_STATUS_MAX 128
#define KEEPER_PATH_MAX 256
#define KEEPER_ASKER_MAX 48
#define KEEPER_FDS_MAX 16
#define KEEPER_FD_NAME_MAX 32
/** Exits that a keeper remembers for a supervisor that was away. */
#define KEEPER_EXITS_MAX 16
/** From so many failures in a row on, a restart takes a place in the host's budget. KEEPER_BACKOFF
 * tells when it is due, and if nobody says KEEPER_HOLD until then, it is granted. */
#define KEEPER_BUDGET_FROM 3

enum keeper_message {
	KEEPER_MESSAGE_SNAPSHOT = 1,
	KEEPER_MESSAGE_REQUEST,
	KEEPER_MESSAGE_ANSWER,
	KEEPER_MESSAGE_EXIT,
};

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

/** enum keeper_cause - why a life ended */
enum keeper_cause {
	KEEPER_CAUSE_NONE,
	KEEPER_CAUSE_EXIT,   /* by itself, with an exit code */
	KEEPER_CAUSE_SIGNAL, /* by a signal that was not ours */
	KEEPER_CAUSE_OOM,
	KEEPER_CAUSE_WATCHDOG,
	KEEPER_CAUSE_HEALTH,
	KEEPER_CAUSE_NOT_READY,
	KEEPER_CAUSE_STOP,         /* asked to stop or restart, and went in time */
	KEEPER_CAUSE_STOP_TIMEOUT, /* asked to, and had to be killed */
	KEEPER_CAUSE_TASKS_MAX,
	KEEPER_CAUSE_EXEC_FAILED, /* never ran: exec_errno and path say why */
	KEEPER_CAUSE_COUNT,
};

/** enum keeper_exec_step - what failed between fork and exec */
enum keeper_exec_step {
	KEEPER_EXEC_OK,
	KEEPER_EXEC_SPEC, /* the spec could not be read */
	KEEPER_EXEC_FORK,
	KEEPER_EXEC_CGROUP,
	KEEPER_EXEC_LIMIT,
	KEEPER_EXEC_GROUPS,
	KEEPER_EXEC_USER,
	KEEPER_EXEC_CWD,
	KEEPER_EXEC_PIPE,
	KEEPER_EXEC_PROGRAM, /* execve itself */
	KEEPER_EXEC_CONFINE,
	KEEPER_EXEC_CREDENTIALS,
	KEEPER_EXEC_STEP_COUNT,
};

/** struct keeper_header - first in each message */
struct keeper_header {
	uint32_t magic;
	uint16_t version;
	uint16_t message; /* enum keeper_message */
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

/**
 * struct keeper_exit - how one life ended
 * @cause:        enum keeper_cause
 * @wait_status:  as of waitpid(2); -1 when unknowable (an adopted payload)
 * @exec_step:    enum keeper_exec_step, with @exec_errno and @path
 * @n_killed:     processes that the sweep had to kill after the main process
 * @n_left:       processes that could not be killed within the bound, 0 normally
 * @maxrss_kb user_usec system_usec: getrusage of the reaped payload and its reaped descendants
 * @oom_kills oom_hits high_hits max_hits tasks_denied n_throttled throttled_usec: how far the
 *                counters of its limits came in this life (cgroup.h says which); 0 without a cgroup
 * @memory_peak_bytes: the most that this life has held, 0 when an earlier one has held more
 * @memory_max_bytes: its cap at the end, 0: none
 * @at_usec:      wall clock of the exit
 * @uptime_usec:  of this life
 * @next_usec:    monotonic time of the restart that follows, 0 when none does
 * @left_bytes:   output that was still in the pipes when the keeper had to leave
 */
struct keeper_exit {
	struct keeper_header header;
	uint32_t cause;
	int32_t wait_status;
	uint32_t exec_step;
	int32_t exec_errno;
	int32_t main_pid;
	uint32_t n_killed;
	uint32_t n_left;
	uint32_t n_failures;
	uint64_t life;
	uint64_t at_usec;
	uint64_t uptime_usec;
	uint64_t next_usec;
	uint64_t maxrss_kb;
	uint64_t user_usec;
	uint64_t system_usec;
	uint64_t memory_peak_bytes;
	uint64_t memory_max_bytes;
	uint64_t oom_kills;
	uint64_t oom_hits;
	uint64_t high_hits;
	uint64_t max_hits;
	uint64_t tasks_denied;
	uint64_t n_throttled;
	uint64_t throttled_usec;
	uint64_t left_bytes;
	uint64_t spec_revision;
	char path[KEEPER_PATH_MAX];
	char asker[KEEPER_ASKER_MAX];
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
static_assert(sizeof(struct keeper_snapshot) == 8 + 8 * 4 + 6 * 8 + 128 + 48, "no holes");
static_assert(sizeof(struct keeper_exit) == 8 + 8 * 4 + 18 * 8 + 256 + 48, "no holes");
static_assert(sizeof(struct keeper_request) == 8 + 16 + 8 + 48 + 512, "no holes");
static_assert(sizeof(struct keeper_answer) == 8 + 16 + 512, "no holes");
