/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct manager;

/** Keepers started in one turn of the loop; the rest follows in the next, so that `ls` is answered.
 */
#define SETTLE_STARTS_MAX 32

/**
 * settle() - bring every service one step nearer to where it shall be
 *
 * Return: whether there is more to do at once.
 */
bool settle(struct manager *m);
