/* SPDX-License-Identifier: MIT */
#pragma once

#include <poll.h>

#include "lib/base.h"

/**
 * struct pour - what is no pipe, on its way into one
 * @from:    file, terminal or socket; borrowed
 * @to:      write end; -1 when all has been poured
 * @wants_room: the pipe is waited for, and not what comes
 * @by_hand: splice(2) cannot read from that
 */
struct pour {
	int from;
	int to;
	bool wants_room;
	bool by_hand;
};

/**
 * pour_init() - make the pipe
 * @ret_fd: its read end, the caller's
 *
 * Return: 0 or negative errno.
 */
must_check int pour_init(struct pour *p, int from, int *ret_fd);

/** pour_end() - nothing more is poured; what is in the pipe stays there */
void pour_end(struct pour *p);

/** pour_wait() - what to poll(2) for before the next pour_turn() */
struct pollfd pour_wait(const struct pour *p);

/** pour_turn() - move what there is; Return: 0, or why nothing more can be read */
must_check int pour_turn(struct pour *p);
