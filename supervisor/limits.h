/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

struct error;
struct manager;
struct service;

/**
 * limits_describe() - the limits of a service: in the config, in the kernel, and how near it comes
 *
 * Return: the reply of the method Limits, new reference; NULL when out of memory.
 */
json_t *limits_describe(struct manager *m, const struct service *s);

/**
 * struct limits_change - a request
 * @limits: keys of the config's "limits" with their new values, null to take one out; borrowed
 * @save:   write them to the config file too
 * @who:    for the revision
 */
struct limits_change {
	const json_t *limits;
	bool save;
	const char *who;
};

/**
 * limits_set() - apply a config that differs in the limits of one service
 *
 * Return: 0 when the kernel has them, or nothing is there yet that could have; negative errno with
 * a text, also when they are applied but the kernel refuses them.
 */
must_check int limits_set(struct manager *m, const struct service *s,
			  const struct limits_change *change, struct error *err);
