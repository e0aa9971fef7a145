/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct crowd;
struct events;
struct keeper_exit;
struct launcher;
struct loop;
struct paths;
struct prober;
struct service;

/**
 * struct service_context - what all services share; owned by the manager, outlives them
 * @inherit:  environment that every payload starts from
 * @revision: of the applied config
 * @changed:  the service entered a state, or its note changed
 * @exited:   a life ended badly or well; the service's last_exit tells
 * @sweep:    its keeper is gone: kill what it left, before it is started again. Return: whether
 *            nothing is left
 * @place:    a restart is due: take a place in the host's budget. Return: when it may happen
 */
struct service_context {
	struct loop *loop;
	struct crowd *crowd;
	const struct paths *paths;
	struct launcher *launcher;
	struct prober *prober;
	struct events *events;
	char *const *inherit;
	char *exits_folder;
	uint64_t revision;
	void (*changed)(struct service *s, void *userdata);
	void (*exited)(struct service *s, const struct keeper_exit *report, void *userdata);
	bool (*sweep)(struct service *s, void *userdata);
	usec_t (*place)(usec_t due_usec, void *userdata);
	void *userdata;
};
