/* SPDX-License-Identifier: MIT */

/*
 * Who waits until the manager has carried out what it was asked for.
 *
 * Not each call is waited for: a manager does one thing after the other, so that one answer stands
 * for all that was asked for before.
 */

#include "supervisor/confirmations.h"

#include <errno.h>
#include <stdlib.h>

struct confirmation {
	struct list link;
	uint64_t number;
	launcher_confirmed_fn fn;
	void *userdata;
};

int confirmations_add(struct list *waiting, uint64_t number, launcher_confirmed_fn fn,
		      void *userdata)
{
	struct confirmation *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	*c = (struct confirmation){.number = number, .fn = fn, .userdata = userdata};
	list_append(waiting, &c->link);
	return 0;
}

void confirmations_tell(struct list *waiting, uint64_t number, const char *refused)
{
	list_for_each_safe(it, waiting) {
		struct confirmation *c = list_entry(it, struct confirmation, link);

		if (c->number > number)
			continue;
		list_remove(&c->link);
		c->fn(refused, c->userdata);
		free(c);
	}
}
