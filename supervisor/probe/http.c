/* SPDX-License-Identifier: MIT */
#include "supervisor/probe/http.h"

#include <string.h>

#include "lib/error.h"
#include "lib/http-client.h"
#include "lib/text.h"
#include "supervisor/probe/target.h"

/*
 * Does a page answer? An answer, whatever its status, is final; the next address of the host is
 * tried only when there was none.
 */

struct http_attempt {
	struct loop *loop;
	struct http_url url;
	struct http_get *get;
	struct target target;
	size_t next;
	attempt_fn fn;
	void *userdata;
};

static void on_answer(int status, int code, const char *why, void *userdata);

/* Asks the next address. Return: 0 or negative errno. */
static int ask(struct http_attempt *a)
{
	char address[TARGET_ADDRESS_TEXT_MAX];

	target_address_text(&a->target.addresses[a->next++], address);
	http_get_free(a->get);
	a->get = NULL;
	return http_get_start(a->loop, address, &a->url, on_answer, a, &a->get);
}

/* Asks address after address until one can be asked. Return: 0, or the last one's error. */
static int ask_next(struct http_attempt *a)
{
	int r = -EADDRNOTAVAIL;

	while (r < 0 && a->next < a->target.n_addresses)
		r = ask(a);
	return r;
}

static void report(struct http_attempt *a, int status, int code, const char *why)
{
	cleanup_text struct text t = {0};

	if (status > 0)
		text_addf(&t, "HTTP %d", status);
	else if (code > 0)
		text_add_errno(&t, code);
	else
		text_add(&t, why);
	a->fn(status >= 200 && status < 400, t.failed ? "out of memory" : t.data, a->userdata);
}

static void on_answer(int status, int code, const char *why, void *userdata)
{
	struct http_attempt *a = userdata;

	if (status == 0 && a->next < a->target.n_addresses) {
		int r = ask_next(a);

		if (r == 0)
			return;
		code = -r;
	}
	report(a, status, code, why);
}

int http_attempt_start(struct loop *loop, const char *url, attempt_fn fn, void *userdata,
		       struct http_attempt **ret_attempt, struct error *err)
{
	struct http_attempt *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return error_set(err, -ENOMEM, "out of memory");
	a->loop = loop;
	a->fn = fn;
	a->userdata = userdata;
	r = http_url_parse(url, &a->url, err);
	if (r == 0)
		r = target_from_host(a->url.host, a->url.port, &a->target, err);
	if (r == 0) {
		r = ask_next(a);
		if (r < 0)
			error_set(err, r, "cannot connect to \"%s\": %s", a->url.authority,
				  strerror(-r));
	}
	if (r < 0) {
		http_attempt_free(a);
		return r;
	}
	*ret_attempt = a;
	return 0;
}

void http_attempt_free(struct http_attempt *a)
{
	if (!a)
		return;
	http_get_free(a->get);
	http_url_done(&a->url);
	free(a);
}
