/* SPDX-License-Identifier: MIT */
#include "lib/http-client.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/loop.h"

/* A test that waits for nothing that comes fails after this time. */
#define DEADLINE_USEC (20 * USEC_PER_SEC)
#define TIMED_OUT 99

/**
 * struct server - answers the first request with what the test says, in the loop of the client
 * @answer:   @answer_len bytes, sent as soon as a request came
 * @hang_up:  close the connection behind the answer
 * @request:  what the client sent
 */
struct server {
	struct loop *loop;
	struct loop_timer guard;
	struct loop_fd listener;
	struct loop_fd peer;
	uint16_t port;
	const char *answer;
	size_t answer_len;
	bool hang_up;
	char request[2048];
	size_t request_len;
};

static struct server server;

static void on_guard(void *userdata)
{
	loop_stop(server.loop, TIMED_OUT);
}

static void peer_done(void)
{
	int fd = server.peer.fd;

	if (!server.peer.event)
		return;
	loop_fd_done(&server.peer);
	close_fd(&fd);
}

static void on_writable(int fd, int events, void *userdata)
{
	ssize_t n = send(fd, server.answer, server.answer_len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n > 0) {
		server.answer += n;
		server.answer_len -= (size_t)n;
	}
	if (server.answer_len == 0 || (n < 0 && errno != EAGAIN)) {
		if (server.hang_up)
			peer_done();
		else
			assert_int_equal(loop_fd_set(&server.peer, 0), 0);
	}
}

static void on_request(int fd, int events, void *userdata)
{
	ssize_t n;

	if (events & LOOP_WRITE) {
		on_writable(fd, events, userdata);
		return;
	}
	n = recv(fd, server.request + server.request_len,
		 sizeof(server.request) - server.request_len - 1, MSG_DONTWAIT);
	assert_true(n >= 0);
	server.request_len += (size_t)n;
	if (n == 0)
		peer_done();
	else if (strstr(server.request, "\r\n\r\n"))
		assert_int_equal(loop_fd_set(&server.peer, LOOP_WRITE), 0);
}

static void on_connection(int fd, int events, void *userdata)
{
	int sock = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	assert_true(sock >= 0);
	assert_int_equal(loop_fd_init(&server.peer, server.loop, sock, LOOP_READ, on_request, NULL),
			 0);
}

static int begin(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);
	int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memset(&server, 0, sizeof(server));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (sock < 0 || bind(sock, (struct sockaddr *)&address, len) < 0 || listen(sock, 4) < 0 ||
	    getsockname(sock, (struct sockaddr *)&address, &len) < 0)
		return -1;
	server.port = ntohs(address.sin_port);
	server.hang_up = true;
	if (loop_new(&server.loop) < 0 ||
	    loop_timer_init(&server.guard, server.loop, on_guard, NULL) < 0 ||
	    loop_timer_set(&server.guard, clock_now_usec() + DEADLINE_USEC) < 0)
		return -1;
	return loop_fd_init(&server.listener, server.loop, sock, LOOP_READ, on_connection, NULL);
}

static int end(void **state)
{
	int sock = server.listener.fd;

	peer_done();
	loop_fd_done(&server.listener);
	close_fd(&sock);
	loop_timer_done(&server.guard);
	loop_free(server.loop);
	return 0;
}

/* --- URLs ------------------------------------------------------------------------------------- */

static void url_is_taken_apart(void **state)
{
	static const struct {
		const char *url;
		const char *host;
		uint16_t port;
		const char *authority;
		const char *path;
	} rows[] = {
		{"http://127.0.0.1:8000/health", "127.0.0.1", 8000, "127.0.0.1:8000", "/health"},
		{"http://localhost", "localhost", 80, "localhost:80", "/"},
		{"HTTP://a:1?x=1&y", "a", 1, "a:1", "/?x=1&y"},
		{"http://[::1]:65535/a?b", "::1", 65535, "[::1]:65535", "/a?b"},
		{"http://a/b#fragment", "a", 80, "a:80", "/b"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct http_url u;

		assert_int_equal(http_url_parse(rows[i].url, &u, NULL), 0);
		assert_string_equal(u.host, rows[i].host);
		assert_int_equal(u.port, rows[i].port);
		assert_string_equal(u.authority, rows[i].authority);
		assert_string_equal(u.path, rows[i].path);
		http_url_done(&u);
		assert_null(u.path);
	}
}

static void url_that_cannot_be_asked_is_quoted_and_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"localhost",
		"/health",
		"https://localhost",
		"ftp://localhost/",
		"http:///health",
		"http://",
		"http://u:p@host/",
		"http://host:0/",
		"http://host:65536",
		"http://host:x/",
		"http://[::1/",
		"http://a b/",
		"http://host/a b",
		"http://host/\r\nX: y",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct error err = {0};
		struct http_url u;

		assert_int_equal(http_url_parse(bad[i], &u, &err), -EINVAL);
		assert_non_null(strstr(err.text, bad[i]));
	}
}

/* --- asking ----------------------------------------------------------------------------------- */

struct outcome {
	struct http_get *get;
	int status;
	int code;
	char text[128];
	int n_calls;
};

static void on_outcome(int status, int code, const char *text, void *userdata)
{
	struct outcome *o = userdata;

	o->status = status;
	o->code = code;
	(void)snprintf(o->text, sizeof(o->text), "%s", text ? text : "");
	o->n_calls++;
	http_get_free(steal_ptr(o->get));
	loop_stop(server.loop, 0);
}

static struct outcome ask(const char *answer)
{
	struct outcome o = {0};
	struct http_url url;
	char text[64];

	server.answer = answer;
	server.answer_len = strlen(answer);
	(void)snprintf(text, sizeof(text), "http://localhost:%u/up?x=1", server.port);
	assert_int_equal(http_url_parse(text, &url, NULL), 0);
	assert_int_equal(http_get_start(server.loop, "127.0.0.1", &url, on_outcome, &o, &o.get), 0);
	http_url_done(&url);
	assert_int_equal(loop_run(server.loop), 0);
	assert_int_equal(o.n_calls, 1);
	return o;
}

static void get_tells_the_status(void **state)
{
	struct outcome o = ask("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

	assert_int_equal(o.status, 200);
	assert_non_null(strstr(server.request, "GET /up?x=1 HTTP/1.1\r\n"));
}

static void get_names_the_host_of_the_url(void **state)
{
	char host[64];

	(void)ask("HTTP/1.1 204 No Content\r\n\r\n");
	(void)snprintf(host, sizeof(host), "\r\nHost: localhost:%u\r\n", server.port);
	assert_non_null(strstr(server.request, host));
	assert_non_null(strstr(server.request, "\r\nConnection: close\r\n"));
}

static void get_tells_failures_of_the_server_as_a_status_too(void **state)
{
	struct outcome o = ask("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");

	assert_int_equal(o.status, 503);
}

static void get_follows_no_redirect(void **state)
{
	struct outcome o = ask("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
			       "Content-Length: 0\r\n\r\n");

	assert_int_equal(o.status, 302);
}

static void get_of_a_body_without_end_still_tells_the_status(void **state)
{
	static char answer[4 * HTTP_BODY_MAX];
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n";
	struct outcome o;

	memset(answer, 'x', sizeof(answer) - 1);
	memcpy(answer, head, sizeof(head) - 1);
	server.hang_up = false;
	o = ask(answer);
	assert_int_equal(o.status, 200);
}

static void get_of_what_is_no_http_says_so(void **state)
{
	struct outcome o = ask("220 mail.example.org ESMTP\r\n\r\n");

	assert_int_equal(o.status, 0);
	assert_true(strlen(o.text) > 0);
}

static void get_of_a_connection_that_is_closed_says_so(void **state)
{
	struct outcome o = ask("");

	assert_int_equal(o.status, 0);
	assert_true(strlen(o.text) > 0);
}

static void get_of_a_closed_port_tells_the_errno(void **state)
{
	int sock = server.listener.fd;
	struct outcome o;

	loop_fd_done(&server.listener);
	close_fd(&sock);
	server.listener.fd = -1;
	o = ask("");
	assert_int_equal(o.status, 0);
	assert_int_equal(o.code, ECONNREFUSED);
}

static void get_that_is_given_up_calls_nobody(void **state)
{
	struct outcome o = {0};
	struct http_url url;
	char text[64];

	(void)snprintf(text, sizeof(text), "http://localhost:%u/", server.port);
	assert_int_equal(http_url_parse(text, &url, NULL), 0);
	assert_int_equal(http_get_start(server.loop, "127.0.0.1", &url, on_outcome, &o, &o.get), 0);
	http_get_free(steal_ptr(o.get));
	http_url_done(&url);
	http_get_free(NULL);
	assert_int_equal(loop_timer_set(&server.guard, clock_now_usec() + 2000), 0);
	assert_int_equal(loop_run(server.loop), TIMED_OUT);
	assert_int_equal(o.n_calls, 0);
}

#define test_with_server(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(url_is_taken_apart),
		cmocka_unit_test(url_that_cannot_be_asked_is_quoted_and_refused),
		test_with_server(get_tells_the_status),
		test_with_server(get_names_the_host_of_the_url),
		test_with_server(get_tells_failures_of_the_server_as_a_status_too),
		test_with_server(get_follows_no_redirect),
		test_with_server(get_of_a_body_without_end_still_tells_the_status),
		test_with_server(get_of_what_is_no_http_says_so),
		test_with_server(get_of_a_connection_that_is_closed_says_so),
		test_with_server(get_of_a_closed_port_tells_the_errno),
		test_with_server(get_that_is_given_up_calls_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
