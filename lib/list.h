/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/*
 * Doubly linked list with the links inside the elements. An empty list points at itself; an
 * element that is in no list does too after list_init(), so list_remove() may be called twice.
 */

struct list {
	struct list *prev;
	struct list *next;
};

#define LIST_INIT(name)                          \
	{                                        \
		.prev = &(name), .next = &(name) \
	}

/** list_init() - make @l an empty list, or an element that is in none */
static inline void list_init(struct list *l)
{
	l->prev = l;
	l->next = l;
}

/** list_empty() - whether nothing is linked to @l */
static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

/** list_append() - put @element at the end of @l */
static inline void list_append(struct list *l, struct list *element)
{
	element->prev = l->prev;
	element->next = l;
	l->prev->next = element;
	l->prev = element;
}

/** list_remove() - take @element out of its list, if it is in one */
static inline void list_remove(struct list *element)
{
	element->prev->next = element->next;
	element->next->prev = element->prev;
	list_init(element);
}

/** list_entry() - the structure around a link */
#define list_entry(link, type, member) container_of(link, type, member)

/* NOLINTBEGIN(bugprone-macro-parentheses): a name that is declared cannot stand in parentheses */

/** list_for_each() - run over the links of a list that does not change meanwhile */
#define list_for_each(it, l) for (struct list *it = (l)->next; it != (l); it = it->next)

/** list_for_each_safe() - the same; the current element may be removed and freed */
#define list_for_each_safe(it, l)                                           \
	for (struct list *it = (l)->next, *it##_next = it->next; it != (l); \
	     it = it##_next, it##_next = it->next)

/* NOLINTEND(bugprone-macro-parentheses) */
