/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the supervisor and slicekeep-probe say to each other over a SEQPACKET socket pair, which is
 * the probe's standard input. Both are of one build: another version is the end of the connection.
 *
 *   supervisor -> probe: struct probe_request
 *   probe -> supervisor: struct probe_reply, one for each request that was not cancelled
 *
 * Header only and pure.
 */

#include "lib/base.h"

#define PROBE_MAGIC 0x736b7031u /* "skp1" */
#define PROBE_VERSION 1
#define PROBE_TARGET_MAX 1024
#define PROBE_TEXT_MAX 160

enum probe_kind {
	PROBE_TCP = 1,
	PROBE_HTTP,
	PROBE_CANCEL,
};

/**
 * struct probe_request - one attempt, or the end of one
 * @kind:         enum probe_kind
 * @id:           chosen by the supervisor, returned in the reply
 * @timeout_usec: how long it may take
 * @target:       "127.0.0.1:8080" or "http://127.0.0.1:8080/health", NUL-terminated
 */
struct probe_request {
	uint32_t magic;
	uint16_t version;
	uint16_t kind;
	uint64_t id;
	uint64_t timeout_usec;
	char target[PROBE_TARGET_MAX];
};

/**
 * struct probe_reply - how it went
 * @ok:   1 or 0
 * @text: "connection refused", "HTTP 503", NUL-terminated; may hold anything a server sent
 */
struct probe_reply {
	uint32_t magic;
	uint16_t version;
	uint16_t ok;
	uint64_t id;
	char text[PROBE_TEXT_MAX];
};

static_assert(sizeof(struct probe_request) == 24 + PROBE_TARGET_MAX, "no holes");
static_assert(sizeof(struct probe_reply) == 16 + PROBE_TEXT_MAX, "no holes");
