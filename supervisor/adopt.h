/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct error;
struct manager;

/**
 * adopt_keepers() - connect to every keeper that an earlier supervisor left
 *
 * Their greetings come from the loop and tell what runs. A keeper whose service is not in the
 * config any more gets a service that is to be stopped. Control sockets that nobody answers are
 * removed.
 *
 * Return: how many there are, or negative errno with a text.
 */
must_check int adopt_keepers(struct manager *m, struct error *err);

/**
 * adopt_lost_lives() - report what has begun and nobody saw end; once adopt_keepers() is through
 *
 * How it ended is not known and never will be; that it did is.
 */
void adopt_lost_lives(struct manager *m);
