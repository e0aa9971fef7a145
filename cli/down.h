/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct error;
struct supervisor;

/**
 * down_shutdown() - stop everything in order, with progress, and wait until no process of the
 * platform is left, the supervisor and its keeper neither
 * @json: print an array of outcomes instead of words
 *
 * Return: 0 or negative errno with a text.
 */
must_check int down_shutdown(struct supervisor *s, bool json, struct error *err);
