/* SPDX-License-Identifier: MIT */
#pragma once

struct keeper_exit;
struct service;

/*
 * What happens to a service, as events for people: one line each on the time line.
 */

/** announce_start() - a life has begun */
void announce_start(const struct service *s);

/** announce_ready() - it is ready */
void announce_ready(const struct service *s);

/**
 * announce_exit() - a life has ended, and perhaps the next one waits
 * @report:  as it came from the keeper; the service's last_exit has it as JSON
 * @summary: in one line
 */
void announce_exit(const struct service *s, const struct keeper_exit *report, const char *summary);

/** announce_stopped() - its keeper has left: nothing of it is there any more */
void announce_stopped(const struct service *s);

/** announce_fail() - it could not even be tried, or its keeper died */
void announce_fail(const struct service *s, const char *text);

/** announce_limits() - it has other limits now, without a restart */
void announce_limits(const struct service *s);
