/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/**
 * struct cgroup_counters - what the kernel has counted, ever
 * @oom_kills:         processes that it has killed for memory, whoever had none left
 * @oom_hits:          times that our own cap was what was left of
 * @high_hits @max_hits: times that a process was held up at memory_high, or memory reclaimed at
 *                     memory_max
 * @tasks_denied:      forks beyond tasks_max
 * @n_throttled:       periods in which the CPU quota was used up
 * @memory_peak_bytes: the most that was ever held
 * @memory_max_bytes:  the cap as it stands, 0: none
 */
struct cgroup_counters {
	uint64_t oom_kills;
	uint64_t oom_hits;
	uint64_t high_hits;
	uint64_t max_hits;
	uint64_t tasks_denied;
	uint64_t n_throttled;
	uint64_t throttled_usec;
	uint64_t memory_peak_bytes;
	uint64_t memory_max_bytes;
};

/**
 * struct cgroup - the payload's own cgroup; dir is -1 without one
 * @base:   folder that its path starts from: the unit's cgroup, or AT_FDCWD
 * @events: cgroup.events, open only while a sweep waits for it
 * @is_made: by us: cgroup_remove() removes it
 * @is_late: processes cannot be born in it and must enter by themselves (spawn.c says why)
 * @is_frozen: somebody had frozen it when it was last looked at: nobody born in it would ever run
 * @seen:   counters when the current life began
 */
struct cgroup {
	int base;
	int dir;
	int events;
	bool is_made;
	bool is_late;
	bool is_frozen;
	struct cgroup_counters seen;
};

/** cgroup_init() - none yet */
void cgroup_init(struct cgroup *c);

/**
 * cgroup_open() - make the folder if it is not there, and open it; nothing when it is open
 * @path: NULL: none
 *
 * Return: 0 or negative errno.
 */
must_check int cgroup_open(struct cgroup *c, const char *path);

/** cgroup_remove() - remove the folder that cgroup_open() made */
void cgroup_remove(const struct cgroup *c, const char *path);

/** cgroup_close() - let go of it; the folder stays */
void cgroup_close(struct cgroup *c);

/** cgroup_is_empty() - whether no process is left in it; true without a cgroup */
bool cgroup_is_empty(struct cgroup *c);

/**
 * cgroup_kill() - kill everything in it
 *
 * Return: 0 (also without a cgroup), or negative errno.
 */
must_check int cgroup_kill(const struct cgroup *c);

/**
 * cgroup_thaw() - let those run again who will be born in it
 *
 * Return: 0 (also when it is not frozen), or negative errno.
 */
must_check int cgroup_thaw(struct cgroup *c);

/**
 * cgroup_enter() - put the calling process into it, for kernels without clone3
 *
 * Return: 0 (also without a cgroup), or negative errno.
 */
must_check int cgroup_enter(const struct cgroup *c);

/** cgroup_begin_life() - remember the counters */
void cgroup_begin_life(struct cgroup *c);

/**
 * cgroup_end_life() - how far they have come since, and the cap
 *
 * The peak is the one of this life, or 0 when all that is known is that it was not higher than an
 * earlier life's.
 */
void cgroup_end_life(const struct cgroup *c, struct cgroup_counters *ret_counters);
