/* SPDX-License-Identifier: MIT */

/*
 * The order of lives: what an earlier life printed is stored before what a later one prints.
 *
 * Each life has a pipe of its own, and only the head of the list is read. So the end of a life is
 * an exact place in the log even if its last words were still in the pipe when its successor spoke.
 * A life that is offered late (its keeper came back in the meantime) goes to its place in the
 * order; what a later one has stored by then stays where it is.
 */

#include "log/lives.h"

void lives_init(struct lives *l)
{
	list_init(&l->list);
	l->n_lives = 0;
}

struct life *lives_head(const struct lives *l)
{
	return list_empty(&l->list) ? NULL : list_entry(l->list.next, struct life, link);
}

struct life *lives_find(const struct lives *l, uint64_t number)
{
	struct life *found = NULL;

	list_for_each(it, &l->list) {
		struct life *life = list_entry(it, struct life, link);

		if (life->number == number)
			found = life;
	}
	return found;
}

int lives_insert(struct lives *l, struct life *life)
{
	struct list *before = l->list.prev;

	if (l->n_lives >= LIVES_MAX)
		return -ENOBUFS;
	while (before != &l->list && list_entry(before, struct life, link)->number > life->number)
		before = before->prev;
	list_append(before->next, &life->link);
	l->n_lives++;
	return 0;
}

void lives_remove(struct lives *l, struct life *life)
{
	list_remove(&life->link);
	l->n_lives--;
}
