/* SPDX-License-Identifier: MIT */
#pragma once

#include "supervisor/keeper/control.h"

struct keeper;

/** requests_take() - carry out a valid request and answer it */
void requests_take(struct keeper *k, struct control_peer *peer, struct control_words *words);

/** requests_greet() - send a new peer the full truth */
void requests_greet(struct keeper *k, struct control_peer *peer);
