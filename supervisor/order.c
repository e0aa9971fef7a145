/* SPDX-License-Identifier: MIT */

/*
 * Who may start and who may stop, given where everybody stands. There is no plan that is worked
 * off: the question is asked again for everybody after each change, so a service that fails, is
 * stopped by hand or comes back in the middle needs no case of its own. That the edges hold no
 * cycle was made sure of when the config was read.
 */

#include "supervisor/order.h"

int order_build(struct order *o, size_t n_nodes, const struct order_edge *edges, size_t n_edges)
{
	cleanup_free struct order_node *nodes = calloc(n_nodes + 1, sizeof(*nodes));
	cleanup_free size_t *links = calloc(2 * n_edges + 1, sizeof(*links));
	size_t *next = links;

	if (!nodes || !links)
		return -ENOMEM;
	for (size_t k = 0; k < n_edges; k++) {
		nodes[edges[k].user].n_after++;
		nodes[edges[k].used].n_users++;
	}
	for (size_t i = 0; i < n_nodes; i++) {
		nodes[i].after = next;
		next += nodes[i].n_after;
		nodes[i].users = next;
		next += nodes[i].n_users;
		nodes[i].n_after = nodes[i].n_users = 0;
	}
	for (size_t k = 0; k < n_edges; k++) {
		struct order_node *user = &nodes[edges[k].user];
		struct order_node *used = &nodes[edges[k].used];

		user->after[user->n_after++] = edges[k].used;
		used->users[used->n_users++] = edges[k].user;
	}
	order_done(o);
	o->nodes = steal_ptr(nodes);
	o->links = steal_ptr(links);
	o->n_nodes = n_nodes;
	return 0;
}

void order_done(struct order *o)
{
	free(o->nodes);
	free(o->links);
	*o = (struct order){0};
}

size_t order_blocker(const struct order *o, size_t i)
{
	for (size_t k = 0; k < o->nodes[i].n_after; k++) {
		const struct order_node *dep = &o->nodes[o->nodes[i].after[k]];

		if (!slot_is_ready(dep->state) || dep->renewing)
			return o->nodes[i].after[k];
	}
	return i;
}

bool order_may_stop(const struct order *o, size_t i)
{
	for (size_t k = 0; k < o->nodes[i].n_users; k++) {
		const struct order_node *user = &o->nodes[o->nodes[i].users[k]];

		/* One that is done holds up what it came after for those that come after it. */
		if ((!user->wanted || user->renewing) && user->state != SLOT_STOPPED)
			return false;
	}
	return true;
}
