/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "supervisor/keeper/control-frame.h"

struct error;
struct service;

/** Slot that the one instance of a service uses. */
#define SERVICE_SLOT 0

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

/** service_command() - an order without arguments; Return: 0, -ENOTCONN, negative errno */
must_check int service_command(struct service *s, enum keeper_command command);

/** service_command_start() - hand over its sockets and have it start */
must_check int service_command_start(struct service *s);

/** service_command_fail() - have the life ended as a failure of that cause */
must_check int service_command_fail(struct service *s, enum keeper_cause cause, const char *asker);
