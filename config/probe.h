/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/** enum config_probe_kind - how readiness or health is found out */
enum config_probe_kind {
	CONFIG_PROBE_NONE,
	CONFIG_PROBE_NOTIFY, /* READY=1; as health: WATCHDOG=1 at least each @every_usec */
	CONFIG_PROBE_TCP,    /* @target "127.0.0.1:8080" can be connected to */
	CONFIG_PROBE_HTTP,   /* @target "http://…" answers 2xx or 3xx */
	CONFIG_PROBE_EXEC,   /* @argv exits 0 */
	CONFIG_PROBE_LOG,    /* @target, a POSIX extended regular expression, matches a line */
	CONFIG_PROBE_UP_FOR, /* @up_for_usec without an exit */
	CONFIG_PROBE_KIND_COUNT,
};

/**
 * struct config_probe - readiness ("ready") or health
 * @timeout_usec: for ready: until it counts as not-ready; for health: of one probe
 * @every_usec @failures: health only
 */
struct config_probe {
	enum config_probe_kind kind;
	char *target;
	char **argv;
	usec_t up_for_usec;
	usec_t timeout_usec;
	usec_t every_usec;
	unsigned failures;
};
