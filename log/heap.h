/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/** heap_before_fn() - whether @a comes before @b */
typedef bool (*heap_before_fn)(const void *a, const void *b);

/**
 * struct heap - a priority queue of pointers
 * @items: room for @room of them, @n in use; the first one comes before all others
 */
struct heap {
	void **items;
	size_t n;
	size_t room;
	heap_before_fn before;
};

/** heap_init() - empty, with that order */
void heap_init(struct heap *h, heap_before_fn before);

/** heap_done() - free the array; the items are the caller's */
void heap_done(struct heap *h);

/** heap_reserve() - make room for @n items, so that pushing them cannot fail; 0 or -ENOMEM */
must_check int heap_reserve(struct heap *h, size_t n);

/** heap_push() - put an item in; room must have been reserved */
void heap_push(struct heap *h, void *item);

/** heap_first() - the first item, which stays; NULL when there is none */
void *heap_first(const struct heap *h);

/** heap_pop() - take the first item out; NULL when there is none */
void *heap_pop(struct heap *h);

/** heap_remove() - take @item out, wherever it is; nothing happens when it is not there */
void heap_remove(struct heap *h, const void *item);
