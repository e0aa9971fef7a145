/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "supervisor/keeper/cgroup.h"
#include "supervisor/keeper/control-frame.h"
#include "supervisor/keeper/exit-frame.h"
#include "supervisor/keeper/life.h"
#include "supervisor/keeper/machine.h"

#define PAGE_MAGIC 0x736b7031u /* "skp1" */
#define PAGE_VERSION 2

/** struct page_exec - what went wrong between fork and exec; written by the child */
struct page_exec {
	uint32_t step; /* enum keeper_exec_step */
	int32_t error;
	char path[KEEPER_PATH_MAX];
};

/**
 * struct page_state - what a keeper has to know that is started in the place of a killed one
 *
 * Descriptors in it are of no use there.
 */
struct page_state {
	struct machine machine;
	struct life life;
	struct cgroup_counters seen;
	char asker[KEEPER_ASKER_MAX];
	bool is_told;
	bool is_late;
};

/**
 * struct page - memory that outlives the keeper's program: a memfd, shared with the child
 * @main_pid:  written by the child before exec
 * @born_from_usec @born_until_usec: CLOCK_BOOTTIME before the child was made, and as it began to
 *             run; a process that started in between and has its pid is no other
 * @life:      number of the current or last life
 * @n_notes:   states noted ever; the newest is states[n_notes % 2], the other is being written
 * @exec:      of the current life
 * @n_exits:   exits ever; the newest is exits[(n_exits - 1) % KEEPER_EXITS_MAX]
 */
struct page {
	uint32_t magic;
	uint32_t version;
	int32_t keeper_pid;
	int32_t main_pid;
	uint64_t born_from_usec;
	uint64_t born_until_usec;
	uint64_t life;
	uint64_t n_exits;
	uint64_t n_notes;
	struct page_state states[2];
	struct page_exec exec;
	struct keeper_exit exits[KEEPER_EXITS_MAX];
};

/**
 * page_new() - make an empty page
 * @ret_fd: the memfd
 *
 * Return: 0 or negative errno.
 */
must_check int page_new(struct page **ret_page, int *ret_fd);

/**
 * page_open() - map the page of an earlier program of this keeper
 *
 * Return: 0, -EBADMSG when it is none of ours, negative errno.
 */
must_check int page_open(int fd, struct page **ret_page);

/** page_note() - replace the state; a death in between leaves the former one */
void page_note(struct page *page, const struct page_state *state);

/** page_state() - the last that was noted, NULL: none was; borrowed */
const struct page_state *page_state(const struct page *page);

/** page_add_exit() - put a report into the ring; a second one about the newest life replaces it */
void page_add_exit(struct page *page, const struct keeper_exit *report);

/**
 * page_exit_after() - the oldest exit of a life later than @life, or NULL; borrowed
 */
const struct keeper_exit *page_exit_after(const struct page *page, uint64_t life);
