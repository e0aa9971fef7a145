/* SPDX-License-Identifier: MIT */
#include "supervisor/probe/target.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lib/error.h"

/*
 * Where a probe connects to. Pure.
 *
 * Only numeric addresses are known, and "localhost", which is 127.0.0.1 and then ::1 whatever a
 * file says: a resolver would block all other probes while it waits for a name server, and a
 * service that cannot be probed because of a name server is not unready.
 */

static void add_v4(struct target *t, struct in_addr address, uint16_t port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&t->addresses[t->n_addresses++];

	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	in->sin_addr = address;
}

static void add_v6(struct target *t, struct in6_addr address, uint16_t port)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&t->addresses[t->n_addresses++];

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	in6->sin6_addr = address;
}

int target_from_host(const char *host, uint16_t port, struct target *ret_target, struct error *err)
{
	struct in_addr v4 = {.s_addr = htonl(INADDR_LOOPBACK)};
	struct in6_addr v6 = in6addr_loopback;
	struct target t = {0};

	if (strcmp(host, "localhost") == 0) {
		add_v4(&t, v4, port);
		add_v6(&t, v6, port);
	} else if (inet_pton(AF_INET, host, &v4) == 1) {
		add_v4(&t, v4, port);
	} else if (inet_pton(AF_INET6, host, &v6) == 1) {
		add_v6(&t, v6, port);
	} else {
		return error_set(err, -EINVAL, "\"%s\" is neither an IP address nor localhost",
				 host);
	}
	*ret_target = t;
	return 0;
}

/* A port number and nothing else. */
static bool parse_port(const char *s, uint16_t *ret_port)
{
	char *end;
	long port;

	if (*s < '0' || *s > '9')
		return false;
	port = strtol(s, &end, 10);
	if (*end || port < 1 || port > UINT16_MAX)
		return false;
	*ret_port = (uint16_t)port;
	return true;
}

int target_parse(const char *s, struct target *ret_target, struct error *err)
{
	const char *colon = strrchr(s, ':');
	size_t len = colon ? (size_t)(colon - s) : 0;
	bool brackets = len > 2 && s[0] == '[' && s[len - 1] == ']';
	char host[INET6_ADDRSTRLEN];
	uint16_t port;

	if (brackets) {
		s++;
		len -= 2;
	}
	if (!colon || len == 0 || len >= sizeof(host) || !parse_port(colon + 1, &port) ||
	    (!brackets && memchr(s, ':', len)))
		return error_set(err, -EINVAL, "\"%s\" is not HOST:PORT", brackets ? s - 1 : s);
	snprintf(host, sizeof(host), "%.*s", (int)len, s);
	return target_from_host(host, port, ret_target, err);
}

socklen_t target_length(const struct sockaddr_storage *address)
{
	return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
					      : sizeof(struct sockaddr_in);
}

const char *target_address_text(const struct sockaddr_storage *address,
				char buf[static TARGET_ADDRESS_TEXT_MAX])
{
	const void *bytes =
		address->ss_family == AF_INET6
			? (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr
			: (const void *)&((const struct sockaddr_in *)address)->sin_addr;

	if (!inet_ntop(address->ss_family, bytes, buf, TARGET_ADDRESS_TEXT_MAX))
		buf[0] = '\0';
	return buf;
}
