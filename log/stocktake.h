/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct catalog;
struct store;

/**
 * stocktake() - put every segment that is stored into the catalog, and remove what is none
 *
 * Context: with the store's lock.
 * Return: 0 or negative errno.
 */
must_check int stocktake(const struct store *store, struct catalog *catalog);
