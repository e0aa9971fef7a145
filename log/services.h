/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

struct board;
struct store;

/**
 * services_json() - an array of Service, sorted by name
 * @ret_services: a new reference
 *
 * Return: 0 or negative errno.
 */
must_check int services_json(const struct store *store, const struct board *board,
			     json_t **ret_services);
