/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct paths;

/** going_down_remember() - @asker has everything stopped; Return: 0 or negative errno */
must_check int going_down_remember(const struct paths *paths, const char *asker);

/** going_down_asker() - who has it stopped: heap string, or NULL when nobody has */
char *going_down_asker(const struct paths *paths);

/** going_down_forget() - the platform is up again */
void going_down_forget(const struct paths *paths);
