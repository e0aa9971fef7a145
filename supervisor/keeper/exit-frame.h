/* SPDX-License-Identifier: MIT */
#pragma once

/* What a keeper tells its peers of a life that is over; control-frame.h says when. */

#include "lib/base.h"
#include "supervisor/keeper/control-frame.h"

#define KEEPER_PATH_MAX 256
/** Exits that a keeper remembers for a supervisor that was away. */
#define KEEPER_EXITS_MAX 16

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

static_assert(sizeof(struct keeper_exit) == 8 + 8 * 4 + 18 * 8 + 256 + 48, "no holes");
