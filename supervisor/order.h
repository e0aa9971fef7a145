/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "supervisor/slot.h"

/**
 * struct order_node - what the order has to know about one service
 * @state: of its instance
 * @wanted: it shall run
 * @renewing: it is being stopped only to be started again, together with others
 * @after: indices of the services that it comes after
 * @users: indices of the services that come after it
 */
struct order_node {
	enum slot_state state;
	bool wanted;
	bool renewing;
	size_t *after;
	size_t n_after;
	size_t *users;
	size_t n_users;
};

/** struct order_edge - @user comes after @used */
struct order_edge {
	size_t user;
	size_t used;
};

/**
 * struct order - all services and what they come after
 * @nodes: @n_nodes
 * @links: what the nodes' arrays point into
 */
struct order {
	struct order_node *nodes;
	size_t n_nodes;
	size_t *links;
};

/**
 * order_build() - make the nodes from the edges; states are all zero
 * @n_nodes: services
 * @edges:   @n_edges pairs of indices below @n_nodes
 *
 * Return: 0 or -ENOMEM (then @o is as it was).
 */
must_check int order_build(struct order *o, size_t n_nodes, const struct order_edge *edges,
			   size_t n_edges);

/** order_done() - free; @o is empty again */
void order_done(struct order *o);

/**
 * order_blocker() - the first service that keeps node @i from starting
 *
 * Context: pure.
 * Return: its index, or @i itself when nothing does.
 */
size_t order_blocker(const struct order *o, size_t i);

/**
 * order_may_stop() - whether everything that comes after node @i and is to stop as well, has
 *
 * A user that is to go on running does not hold the stop up: the operator stops what they name.
 *
 * Context: pure.
 */
bool order_may_stop(const struct order *o, size_t i);
