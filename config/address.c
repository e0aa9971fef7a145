/* SPDX-License-Identifier: MIT */

/*
 * Addresses as they are written in a config. Pure: nothing is resolved, so only numeric addresses
 * are known, and "localhost" where a probe connects to it.
 */

#include "config/address.h"

#include <arpa/inet.h>
#include <string.h>

#include "config/template.h"

#define PORT_MAX 65535

bool address_number(const char *s, uint64_t max, uint64_t *ret_number)
{
	uint64_t n = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		n = n * 10 + (uint64_t)(*s - '0');
		if (n > max)
			return false;
	}
	*ret_number = n;
	return true;
}

static bool is_number_of_port(const char *s)
{
	uint64_t port;

	return address_number(s, PORT_MAX, &port) && port > 0;
}

bool address_is_port(const char *s)
{
	return !strcmp(s, TEMPLATE_PORT) || is_number_of_port(s);
}

static bool is_ip(int family, const char *s, size_t len)
{
	unsigned char address[sizeof(struct in6_addr)];
	char buf[INET6_ADDRSTRLEN];

	if (len >= sizeof(buf))
		return false;
	memcpy(buf, s, len);
	buf[len] = 0;
	return inet_pton(family, buf, address) == 1;
}

static bool is_numeric_host(const char *s, size_t len)
{
	if (len > 2 && s[0] == '[' && s[len - 1] == ']')
		return is_ip(AF_INET6, s + 1, len - 2);
	return is_ip(AF_INET, s, len);
}

/* The colon that divides host and port: the first one outside of brackets. */
static const char *port_colon(const char *s)
{
	const char *bracket = s[0] == '[' ? strchr(s, ']') : NULL;

	return strchr(bracket ? bracket : s, ':');
}

bool address_is_bindable(const char *s)
{
	const char *colon = port_colon(s);

	if (s[0] == '/')
		return strlen(s) <= ADDRESS_PATH_MAX;
	return colon && is_numeric_host(s, (size_t)(colon - s)) && is_number_of_port(colon + 1);
}

bool address_is_target(const char *s)
{
	const char *colon = port_colon(s);
	size_t len = colon ? (size_t)(colon - s) : 0;

	if (!colon || !address_is_port(colon + 1))
		return false;
	return is_numeric_host(s, len) ||
	       (len == strlen("localhost") && !memcmp(s, "localhost", len));
}
