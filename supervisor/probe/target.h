/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/socket.h>

#include "lib/base.h"

struct error;

#define TARGET_ADDRESSES_MAX 2
#define TARGET_ADDRESS_TEXT_MAX 64

/**
 * struct target - where to connect to; the addresses are tried in turn
 */
struct target {
	struct sockaddr_storage addresses[TARGET_ADDRESSES_MAX];
	size_t n_addresses;
};

/**
 * target_from_host() - addresses of a host without asking anybody
 * @host: IPv4 address, IPv6 address without brackets, or "localhost", which is both
 *
 * Return: 0, -EINVAL with a text.
 */
must_check int target_from_host(const char *host, uint16_t port, struct target *ret_target,
				struct error *err);

/** target_parse() - "127.0.0.1:80", "[::1]:80" or "localhost:80"; Return: 0, -EINVAL with a text */
must_check int target_parse(const char *s, struct target *ret_target, struct error *err);

/** target_length() - bytes of an address, for connect(2) */
socklen_t target_length(const struct sockaddr_storage *address);

/** target_address_text() - an address without its port; returns @buf */
const char *target_address_text(const struct sockaddr_storage *address,
				char buf[static TARGET_ADDRESS_TEXT_MAX]);
