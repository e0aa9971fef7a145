/* SPDX-License-Identifier: MIT */
#pragma once

struct notice;

/**
 * relay_notice() - tell our own service manager, the one of NOTIFY_SOCKET, what the payload says
 *
 * Readiness, its words and its heartbeats. A manager that cannot be told now is told the next time.
 */
void relay_notice(const struct notice *n);
