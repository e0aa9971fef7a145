/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "cli/style.h"
#include "lib/base.h"

struct text;

/**
 * usage_table() - append what `top` shows: services that run, the busiest first, then slices
 * @numbers:     array of the type Usage of io.slicekeep.supervisor
 * @columns_max: lines are cut at this width; 0: never
 *
 * Return: 0 or -ENOMEM.
 */
must_check int usage_table(const json_t *numbers, const struct style *style, size_t columns_max,
			   struct text *out);
