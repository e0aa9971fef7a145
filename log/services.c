/* SPDX-License-Identifier: MIT */

/*
 * What is stored, by service: sizes from the folders, activity from the board.
 */

#include "log/services.h"

#include <stdio.h>
#include <string.h>

#include "log/board.h"
#include "log/store.h"

struct summary {
	char name[STREAM_SERVICE_MAX + 1];
	uint64_t bytes;
	uint64_t segments;
	usec_t newest_usec;
};

struct summaries {
	const struct store *store;
	struct summary *items;
	size_t n;
};

static int on_segment(const struct store_entry *entry, void *userdata)
{
	struct summary *s = userdata;

	s->bytes += entry->log_bytes + entry->index_bytes;
	s->segments++;
	s->newest_usec = MAX_OF(s->newest_usec, entry->at_usec);
	return 0;
}

static int on_service(const char *service, void *userdata)
{
	struct summaries *all = userdata;
	struct summary *grown = reallocarray(all->items, all->n + 1, sizeof(*grown)), *s;
	int r;

	if (!grown)
		return -ENOMEM;
	all->items = grown;
	s = &all->items[all->n];
	*s = (struct summary){0};
	(void)snprintf(s->name, sizeof(s->name), "%s", service);
	r = store_list(all->store, service, on_segment, s);
	if (r < 0 && r != -ENOENT)
		return r;
	all->n++;
	return 0;
}

static int summary_order(const void *a, const void *b)
{
	const struct summary *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int services_json(const struct store *store, const struct board *board, json_t **ret_services)
{
	struct summaries all = {.store = store};
	json_t *services = json_array();
	int r = services ? store_services(store, on_service, &all) : -ENOMEM;

	if (all.n > 0)
		qsort(all.items, all.n, sizeof(*all.items), summary_order);
	for (size_t i = 0; i < all.n && r == 0; i++) {
		const struct summary *s = &all.items[i];

		if (json_array_append_new(services,
					  json_pack("{s:s, s:I, s:I, s:I, s:b}", "name", s->name,
						    "bytes", (json_int_t)s->bytes, "segments",
						    (json_int_t)s->segments, "newest_at_usec",
						    (json_int_t)s->newest_usec, "active",
						    board_pipes(board, s->name) > 0)) < 0)
			r = -ENOMEM;
	}
	free(all.items);
	if (r < 0) {
		json_decref(services);
		return r;
	}
	*ret_services = services;
	return 0;
}
