/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/varlink/call.h"

struct wire;

/**
 * struct varlink_call - one call that is being carried out
 * @wire:      who gets the answer; NULL once the peer has gone
 * @slot:      where the connection keeps this call; cleared when it is answered
 * @interface: the name for errors without an id
 */
struct varlink_call {
	struct wire *wire;
	struct varlink_call **slot;
	const char *interface;
	void (*gone)(void *userdata);
	void (*drained)(void *userdata);
	void *userdata;
	struct fd_peer peer;
	enum varlink_role role;
	bool more;
	bool oneway;
};

/** call_gone() - the peer has hung up: tell the owner; @c is freed now, or when it is answered */
void call_gone(struct varlink_call *c);

/** call_drained() - the wire has room again: tell the owner */
void call_drained(struct varlink_call *c);

/** varlink_role_name() - "read", "operate" … */
const char *varlink_role_name(enum varlink_role role);
