/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

struct manager;
struct service;

/**
 * struct describe_how - how much is said of a service
 * @count: count its processes too, which reads /proc
 * @brief: leave out its slots, and how its last life ended if that was on request
 */
struct describe_how {
	bool count;
	bool brief;
};

/** describe_service() - type Service of the interface; Return: a new reference, or NULL */
json_t *describe_service(const struct manager *m, const struct service *s, struct describe_how how);

/**
 * describe_services() - array of type Service
 * @names: array of strings; NULL or empty: all
 */
json_t *describe_services(const struct manager *m, const json_t *names, struct describe_how how);

/**
 * describe_status() - answer of Status
 * @count: say how much memory we use, which costs a look into /proc for each keeper
 */
json_t *describe_status(const struct manager *m, bool count);
