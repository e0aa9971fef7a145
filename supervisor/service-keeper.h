/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "supervisor/keeper/control-frame.h"
#include "supervisor/keeper/exit-frame.h"

struct config_process;
struct error;
struct identity;
struct service;
struct service_context;

/** Slot that the one instance of a service uses. */
#define SERVICE_SLOT 0

/** service_group() - the slice that it belongs to, with a name also where the config has none */
const char *service_group(const struct service *s);

/**
 * service_find_identity() - as whom a process runs
 *
 * In the system layout the owner of its cwd, unless it names a user, and root only by name.
 * Return: 0, or negative errno with a text.
 */
must_check int service_find_identity(const struct service_context *c,
				     const struct config_process *p, struct identity *ret_id,
				     struct error *err);

/**
 * service_look_up() - find out as whom and with which environment it runs
 *
 * Return: 0, or negative errno with a text (unknown user, unreadable env_file, …); then what was
 * known stays.
 */
must_check int service_look_up(struct service *s, struct error *err);

/**
 * service_prepare() - look up what the next life needs and write its spec
 *
 * Return: 0, or negative errno with a text (unknown user, unreadable env_file, …).
 */
must_check int service_prepare(struct service *s, struct error *err);

/** service_write_spec() - write the spec of what is prepared; Return: 0 or negative errno */
must_check int service_write_spec(const struct service *s, struct error *err);

/** service_launch() - bind its sockets, prepare, start a keeper and connect to it */
must_check int service_launch(struct service *s, struct error *err);

/**
 * service_tell() - give its keeper an order without arguments
 *
 * Context: without a keeper it is answered by SLOT_EVENT_GONE, inside this call. Without a link it
 * is given again once there is one, if it still has a meaning then.
 */
void service_tell(struct service *s, enum keeper_command order);

/** service_tell_leave() - have its keeper stop everything and end, whatever state it is in */
void service_tell_leave(struct service *s);

/** service_tell_start() - hand over its sockets and have it start */
void service_tell_start(struct service *s);

/** service_tell_hold() - have the restart that is due wait until @until_usec (monotonic) */
void service_tell_hold(struct service *s, usec_t until_usec);

/** service_tell_failure() - have the life ended as a failure of that cause */
void service_tell_failure(struct service *s, enum keeper_cause cause, const char *asker);
