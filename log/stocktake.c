/* SPDX-License-Identifier: MIT */

/*
 * What a former collector left, counted once: from then on the writer knows, because nobody else
 * makes or deletes segments. A folder that cannot be read is said and not counted; it must not keep
 * the others from being collected. Nobody makes a segment now, so this is also the time to remove
 * what a kill has left of one.
 */

#include "log/stocktake.h"

#include <string.h>

#include "lib/log.h"

#include "log/catalog.h"
#include "log/store.h"

struct stock {
	const struct store *store;
	struct catalog *catalog;
};

static int on_segment(const struct store_entry *entry, void *userdata)
{
	return catalog_add(userdata, &entry->id, entry->seq, entry->log_bytes + entry->index_bytes,
			   entry->at_usec);
}

static int on_service(const char *service, void *userdata)
{
	const struct stock *stock = userdata;
	int r = store_list(stock->store, service, on_segment, stock->catalog);

	if (r == 0)
		store_sweep(stock->store, service);
	else if (r != -ENOMEM)
		log_warning("cannot read the folder of \"%s\": %s", service, strerror(-r));
	return r == -ENOMEM ? r : 0;
}

int stocktake(const struct store *store, struct catalog *catalog)
{
	struct stock stock = {.store = store, .catalog = catalog};

	return store_services(store, on_service, &stock);
}
