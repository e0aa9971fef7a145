/* SPDX-License-Identifier: MIT */
#pragma once

#include "supervisor/keeper/snapshot-frame.h"

struct keeper;

/** bulletin_report() - write down how the life has ended; it is sent by bulletin_publish() */
void bulletin_report(struct keeper *k);

/** bulletin_snapshot() - the full truth */
void bulletin_snapshot(struct keeper *k, struct keeper_snapshot *ret_snapshot);

/** bulletin_publish() - tell the subscribers all that they have not been told */
void bulletin_publish(struct keeper *k);
