/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/** What a Unix socket path may hold. */
#define ADDRESS_PATH_MAX 107

/** address_is_bindable() - "127.0.0.1:8080", "[::]:80" or an absolute path that fits a socket */
bool address_is_bindable(const char *s);

/**
 * address_is_target() - "HOST:PORT" that a probe can connect to without asking a name server
 * @s: HOST is an IPv4 address, an IPv6 address in brackets or "localhost"; PORT a number or ${PORT}
 */
bool address_is_target(const char *s);

/** address_is_port() - a number from 1 to 65535, or ${PORT} */
bool address_is_port(const char *s);

/** address_number() - the decimal number that all of @s is; false when it is none up to @max */
bool address_number(const char *s, uint64_t max, uint64_t *ret_number);
