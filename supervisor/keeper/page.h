/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "supervisor/keeper/control-frame.h"

#define PAGE_MAGIC 0x736b7031u /* "skp1" */
#define PAGE_VERSION 1

/** struct page_exec - what went wrong between fork and exec; written by the child */
struct page_exec {
	uint32_t step; /* enum keeper_exec_step */
	int32_t error;
	char path[KEEPER_PATH_MAX];
};

/**
 * struct page - memory that outlives the keeper's program: a memfd, shared with the child
 * @main_pid:  written by the child before exec
 * @main_start: as in /proc/PID/stat, 0: nobody has asked for it yet
 * @life:      number of the current or last life
 * @exec:      of the current life
 * @n_exits:   exits ever; the newest is exits[(n_exits - 1) % KEEPER_EXITS_MAX]
 */
struct page {
	uint32_t magic;
	uint32_t version;
	int32_t keeper_pid;
	int32_t main_pid;
	uint64_t main_start;
	uint64_t life;
	uint64_t n_exits;
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

/** page_add_exit() - put a report into the ring */
void page_add_exit(struct page *page, const struct keeper_exit *report);

/**
 * page_exit_after() - the oldest exit of a life later than @life, or NULL; borrowed
 */
const struct keeper_exit *page_exit_after(const struct page *page, uint64_t life);
