/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct catalog;
struct store;

/** stocktake() - put every segment that is stored into the catalog; Return: 0 or negative errno */
must_check int stocktake(const struct store *store, struct catalog *catalog);
