/* SPDX-License-Identifier: MIT */

/*
 * Targets and URLs of probes: what is understood, and what is refused with a reason.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <netinet/in.h>

#include <cmocka.h>

#include "lib/error.h"
#include "lib/http-client.h"
#include "supervisor/probe/target.h"

static void target_numeric_is_one_address(void **state)
{
	char text[TARGET_ADDRESS_TEXT_MAX];
	struct target t;

	assert_int_equal(target_parse("127.0.0.2:8080", &t, NULL), 0);
	assert_int_equal(t.n_addresses, 1);
	assert_int_equal(t.addresses[0].ss_family, AF_INET);
	assert_string_equal(target_address_text(&t.addresses[0], text), "127.0.0.2");
	assert_int_equal(target_length(&t.addresses[0]), sizeof(struct sockaddr_in));
	assert_int_equal(ntohs(((struct sockaddr_in *)&t.addresses[0])->sin_port), 8080);

	assert_int_equal(target_parse("[fe80::1]:65535", &t, NULL), 0);
	assert_int_equal(t.n_addresses, 1);
	assert_string_equal(target_address_text(&t.addresses[0], text), "fe80::1");
	assert_int_equal(target_length(&t.addresses[0]), sizeof(struct sockaddr_in6));
	assert_int_equal(ntohs(((struct sockaddr_in6 *)&t.addresses[0])->sin6_port), 65535);
}

static void target_localhost_is_both_addresses(void **state)
{
	char text[TARGET_ADDRESS_TEXT_MAX];
	struct target t;

	assert_int_equal(target_parse("localhost:1", &t, NULL), 0);
	assert_int_equal(t.n_addresses, 2);
	assert_string_equal(target_address_text(&t.addresses[0], text), "127.0.0.1");
	assert_string_equal(target_address_text(&t.addresses[1], text), "::1");
}

static void target_nonsense_is_refused_and_quoted(void **state)
{
	static const char *const nonsense[] = {
		"",
		":",
		":80",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1:0",
		"127.0.0.1:65536",
		"127.0.0.1:80x",
		"127.0.0.1:+80",
		"::1:80",
		"[::1]",
		"[]:80",
		"[::1:80",
		"example.org:80",
		"LOCALHOST.:80",
		"127.0.0.256:80",
		"[127.0.0.1]x:80",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:80",
	};

	for (size_t i = 0; i < ARRAY_LEN(nonsense); i++) {
		struct error err = {0};
		struct target t;

		assert_int_equal(target_parse(nonsense[i], &t, &err), -EINVAL);
		assert_non_null(strchr(err.text, '"'));
	}
}

static void http_url_is_taken_apart(void **state)
{
	static const struct {
		const char *url, *host, *authority, *path;
		uint16_t port;
	} urls[] = {
		{"http://127.0.0.1:8080/health?a=b", "127.0.0.1", "127.0.0.1:8080", "/health?a=b",
		 8080},
		{"http://localhost", "localhost", "localhost:80", "/", 80},
		{"HTTP://localhost:1?x", "localhost", "localhost:1", "/?x", 1},
		{"http://[::1]:80/a/../b", "::1", "[::1]:80", "/a/../b", 80},
	};

	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		struct http_url u = {0};

		assert_int_equal(http_url_parse(urls[i].url, &u, NULL), 0);
		assert_string_equal(u.host, urls[i].host);
		assert_string_equal(u.authority, urls[i].authority);
		assert_string_equal(u.path, urls[i].path);
		assert_int_equal(u.port, urls[i].port);
		http_url_done(&u);
	}
}

static void http_url_nonsense_is_refused_and_quoted(void **state)
{
	static const char *const nonsense[] = {
		"",
		"/health",
		"127.0.0.1:80",
		"http://",
		"http:///path",
		"https://127.0.0.1/",
		"ftp://127.0.0.1/",
		"http://user:secret@127.0.0.1/",
		"http://127.0.0.1:0/",
		"http://127.0.0.1:99999/",
		"http://127.0.0.1/a b",
		"http://127.0.0.1/\r\nX: y",
		"http://[::1/",
	};
	char long_url[600];

	snprintf(long_url, sizeof(long_url), "http://%0500d/", 0);
	for (size_t i = 0; i <= ARRAY_LEN(nonsense); i++) {
		struct error err = {0};
		struct http_url u = {0};
		const char *url = i < ARRAY_LEN(nonsense) ? nonsense[i] : long_url;

		assert_int_equal(http_url_parse(url, &u, &err), -EINVAL);
		assert_int_equal(err.text[0], '"');
		assert_null(u.path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(target_numeric_is_one_address),
		cmocka_unit_test(target_localhost_is_both_addresses),
		cmocka_unit_test(target_nonsense_is_refused_and_quoted),
		cmocka_unit_test(http_url_is_taken_apart),
		cmocka_unit_test(http_url_nonsense_is_refused_and_quoted),
	};

	return cmocka_run_group_tests_name("probe-target", tests, NULL, NULL);
}
