/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "cli/style.h"
#include "lib/base.h"

struct text;

/**
 * usage_table() - append what `top` shows: services that run, the busiest first, then slices
 * @numbers: array of the type Usage of io.slicekeep.supervisor
 * @style:   of a terminal: what would not fit into it is left out, the least busy first
 *
 * Return: 0 or -ENOMEM.
 */
must_check int usage_table(const json_t *numbers, const struct style *style, struct text *out);
