/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"
#include "supervisor/keeper/snapshot-frame.h"

/** struct notice - what one datagram of sd_notify(3) says; absent things are false, 0, empty */
struct notice {
	bool is_ready;
	bool is_stopping;
	bool is_ping;
	bool is_trigger; /* WATCHDOG=trigger: "restart me" */
	bool has_status;
	pid_t main_pid;
	usec_t watchdog_usec;
	char status[KEEPER_STATUS_MAX];
};

/**
 * notice_parse() - read the lines of a datagram
 * @text: @len bytes, not terminated, from a stranger
 *
 * Unknown and malformed lines are passed over, as sd_notify(3) wants it.
 *
 * Context: pure.
 */
void notice_parse(const char *text, size_t len, struct notice *ret_notice);
