/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/list.h"

/** Lives of one stream that may wait at a time; the keeper of one more is told to come back. */
#define LIVES_MAX 64

/**
 * struct life - one life's pipe, as far as the order is concerned; embedded in what owns the pipe
 * @number: wall clock of its start, growing from life to life
 * @ended:  its process tree is gone: what is in the pipe is all there will be
 */
struct life {
	struct list link;
	uint64_t number;
	bool ended;
};

/** struct lives - the lives of one stream, in the order in which they are stored */
struct lives {
	struct list list;
	unsigned n_lives;
};

/** lives_init() - no lives */
void lives_init(struct lives *l);

/** lives_head() - the one that is being stored; NULL when there is none; borrowed */
struct life *lives_head(const struct lives *l);

/** lives_find() - the last one with that number, or NULL; borrowed */
struct life *lives_find(const struct lives *l, uint64_t number);

/**
 * lives_insert() - put a life in its place: behind all whose number is not larger
 * @life: caller-owned, in no list
 *
 * Return: 0, or -ENOBUFS when LIVES_MAX wait.
 */
must_check int lives_insert(struct lives *l, struct life *life);

/** lives_remove() - take a life out */
void lives_remove(struct lives *l, struct life *life);
