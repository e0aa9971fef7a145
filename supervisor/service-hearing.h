/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"

struct service;

/**
 * service_adopt() - take over a keeper that may be there already
 *
 * Its greeting tells the rest. Return: 0, or negative errno when nobody listens.
 */
must_check int service_adopt(struct service *s);

/**
 * service_connect() - link up with its keeper, now or a little later
 *
 * Context: may find that the keeper is gone, which is SLOT_EVENT_GONE.
 */
void service_connect(struct service *s);

/**
 * service_take_lost_life() - @life has begun and nobody has seen its end
 *
 * Context: for a supervisor that comes back, when no keeper has.
 */
void service_take_lost_life(struct service *s, uint64_t life);

/**
 * service_keeper_gone() - the process @pid has ended; another one than its keeper is ignored
 * @pid: 0: its keeper, whichever process that was last
 */
void service_keeper_gone(struct service *s, pid_t pid);

/** service_start_failed() - the keeper that was to be started does not come; see launcher.h */
void service_start_failed(struct service *s, const char *text);
