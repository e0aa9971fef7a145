/* SPDX-License-Identifier: MIT */
#include "lib/http-client.h"

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/error.h"
#include "lib/loop.h"
#include "lib/text.h"

/*
 * A GET by evhttp, for whoever wants to know whether something answers.
 *
 * evhttp calls back from the middle of its own work and goes on with the connection afterwards, so
 * the connection must not be freed there. The outcome is kept and told in the next turn of the
 * loop, where the owner may do whatever he likes.
 *
 * The body is read, up to HTTP_BODY_MAX, though nobody wants it: a connection that is closed while
 * the server still writes is an error in the server's log, once for each probe. One that is longer
 * is cut off, and the status, which came long before, is the answer all the same.
 */

#define HEADERS_MAX (16 * 1024)
#define PORT_DEFAULT 80

struct http_get {
	struct loop_timer tell;
	struct evhttp_connection *connection;
	struct evhttp_request *request;
	bufferevent_event_cb
		library_event; /* what evhttp does when the connection is made or not */
	void *library_data;
	http_get_fn fn;
	void *userdata;
	const char *text;
	int status;
	int code;
	int socket_code;
	bool ended;
};

static int bad_url(struct error *err, const char *url, const char *why)
{
	return error_set(err, -EINVAL, "\"%s\" %s", url, why);
}

static int take_host(struct http_url *u, const char *host)
{
	size_t len = strlen(host);
	bool brackets = len > 2 && host[0] == '[' && host[len - 1] == ']';

	if (len == 0 || len >= sizeof(u->host))
		return -EINVAL;
	snprintf(u->host, sizeof(u->host), "%.*s", (int)(brackets ? len - 2 : len),
		 brackets ? host + 1 : host);
	snprintf(u->authority, sizeof(u->authority), "%s:%u", host, u->port);
	return 0;
}

static int take_path(struct http_url *u, const struct evhttp_uri *uri)
{
	const char *path = evhttp_uri_get_path(uri);
	const char *query = evhttp_uri_get_query(uri);
	struct text t = {0};

	text_add(&t, path && *path ? path : "/");
	if (query) {
		text_add(&t, "?");
		text_add(&t, query);
	}
	u->path = text_take(&t);
	return u->path ? 0 : -ENOMEM;
}

static int take_parts(struct http_url *u, const char *url, const struct evhttp_uri *uri,
		      struct error *err)
{
	const char *scheme = evhttp_uri_get_scheme(uri);
	const char *host = evhttp_uri_get_host(uri);
	int port = evhttp_uri_get_port(uri);

	if (!scheme || strcasecmp(scheme, "http") != 0)
		return bad_url(err, url, "does not begin with http://");
	if (evhttp_uri_get_userinfo(uri))
		return bad_url(err, url, "has a user name, which is not supported");
	if (port == 0 || port > UINT16_MAX)
		return bad_url(err, url, "has no valid port");
	u->port = port < 0 ? PORT_DEFAULT : (uint16_t)port;
	if (!host || take_host(u, host) < 0)
		return bad_url(err, url, "has no valid host");
	return take_path(u, uri);
}

int http_url_parse(const char *url, struct http_url *ret_url, struct error *err)
{
	struct evhttp_uri *uri = evhttp_uri_parse(url);
	struct http_url u = {0};
	int r;

	if (!uri)
		return bad_url(err, url, "is not a valid URL");
	r = take_parts(&u, url, uri, err);
	evhttp_uri_free(uri);
	if (r == 0)
		*ret_url = u;
	return r;
}

void http_url_done(struct http_url *u)
{
	free(u->path);
	u->path = NULL;
}

static void on_tell(void *userdata)
{
	struct http_get *g = userdata;

	g->fn(g->status, g->code, g->text, g->userdata);
}

static void end(struct http_get *g, int code, const char *text)
{
	if (g->ended)
		return;
	g->ended = true;
	g->code = code;
	g->text = text;
	/* A timer that was set once can be set again: nothing is allocated. */
	ignore_result(loop_timer_set(&g->tell, 0));
}

static const char *error_text(enum evhttp_request_error error)
{
	switch (error) {
	case EVREQ_HTTP_INVALID_HEADER:
		return "the answer is not HTTP";
	case EVREQ_HTTP_TIMEOUT:
		return "no answer in time";
	case EVREQ_HTTP_EOF:
		return "the connection was closed before the answer";
	case EVREQ_HTTP_BUFFER_ERROR:
	case EVREQ_HTTP_REQUEST_CANCEL:
	case EVREQ_HTTP_DATA_TOO_LONG:
	default:
		return "the answer could not be read";
	}
}

static void on_error(enum evhttp_request_error error, void *userdata)
{
	end(userdata, 0, error_text(error));
}

static int on_headers(struct evhttp_request *request, void *userdata)
{
	struct http_get *g = userdata;

	g->status = evhttp_request_get_response_code(request);
	return 0;
}

static void on_done(struct evhttp_request *request, void *userdata)
{
	struct http_get *g = userdata;

	/* A connection that could not be made comes here, without a status. */
	if (request && g->status == 0)
		g->status = evhttp_request_get_response_code(request);
	end(g, g->status == 0 ? g->socket_code : 0, "no answer");
}

/* evhttp closes the socket before it reports, and with it goes the reason: it is kept here. */
static void on_connection(struct bufferevent *connection, short what, void *userdata)
{
	struct http_get *g = userdata;

	if (what & BEV_EVENT_ERROR)
		g->socket_code = EVUTIL_SOCKET_ERROR();
	g->library_event(connection, what, g->library_data);
}

static void watch_connection(struct http_get *g)
{
	struct bufferevent *connection = evhttp_connection_get_bufferevent(g->connection);
	bufferevent_data_cb on_read;
	bufferevent_data_cb on_write;

	bufferevent_getcb(connection, &on_read, &on_write, &g->library_event, &g->library_data);
	if (g->library_event && !on_read && !on_write)
		bufferevent_setcb(connection, NULL, NULL, on_connection, g);
}

static int send_request(struct http_get *g, const struct http_url *url)
{
	struct evkeyvalq *headers;

	g->request = evhttp_request_new(on_done, g);
	if (!g->request)
		return -ENOMEM;
	/* Otherwise it depends on the kind of failure whether the library has freed it. */
	evhttp_request_own(g->request);
	evhttp_request_set_header_cb(g->request, on_headers);
	evhttp_request_set_error_cb(g->request, on_error);
	headers = evhttp_request_get_output_headers(g->request);
	if (evhttp_add_header(headers, "Host", url->authority) < 0 ||
	    evhttp_add_header(headers, "User-Agent", "slicekeep-probe") < 0 ||
	    evhttp_add_header(headers, "Connection", "close") < 0)
		return -EINVAL;
	errno = 0;
	if (evhttp_make_request(g->connection, g->request, EVHTTP_REQ_GET, url->path) < 0)
		return errno ? -errno : -EIO;
	watch_connection(g);
	return 0;
}

int http_get_start(struct loop *loop, const char *address, const struct http_url *url,
		   http_get_fn fn, void *userdata, struct http_get **ret_get)
{
	struct http_get *g = calloc(1, sizeof(*g));
	int r;

	if (!g)
		return -ENOMEM;
	g->fn = fn;
	g->userdata = userdata;
	r = loop_timer_init(&g->tell, loop, on_tell, g);
	if (r == 0) {
		g->connection =
			evhttp_connection_base_new(loop_base(loop), NULL, address, url->port);
		r = g->connection ? 0 : -ENOMEM;
	}
	if (r == 0) {
		evhttp_connection_set_max_headers_size(g->connection, HEADERS_MAX);
		evhttp_connection_set_max_body_size(g->connection, HTTP_BODY_MAX);
		r = send_request(g, url);
	}
	if (r < 0) {
		http_get_free(g);
		return r;
	}
	*ret_get = g;
	return 0;
}

void http_get_free(struct http_get *g)
{
	if (!g)
		return;
	if (g->connection)
		evhttp_connection_free(g->connection);
	if (g->request)
		evhttp_request_free(g->request);
	loop_timer_done(&g->tell);
	free(g);
}
