/* SPDX-License-Identifier: MIT */
#include "supervisor/probe/tcp.h"

#include <sys/socket.h>

#include "lib/error.h"
#include "lib/loop.h"
#include "lib/text.h"
#include "supervisor/probe/target.h"

/*
 * Does somebody accept connections there? The kernel answers for a server whose backlog has room,
 * so "ok" means that it listens, not that it works; for that there is http.
 */

struct tcp_attempt {
	struct loop *loop;
	struct loop_fd source;
	struct target target;
	size_t next;
	attempt_fn fn;
	void *userdata;
	int fd;
};

static void hang_up(struct tcp_attempt *a)
{
	loop_fd_done(&a->source);
	close_fd(&a->fd);
}

static void report(struct tcp_attempt *a, int code)
{
	cleanup_text struct text t = {0};

	hang_up(a);
	if (code == 0)
		text_add(&t, "connected");
	else
		text_add_errno(&t, -code);
	a->fn(code == 0, t.failed ? "out of memory" : t.data, a->userdata);
}

static void on_writable(int fd, int events, void *userdata);

/* Begins to connect. Return: 0 when connected, -EINPROGRESS, or another negative errno. */
static int dial(struct tcp_attempt *a)
{
	const struct sockaddr_storage *address = &a->target.addresses[a->next++];
	int r;

	a->fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (a->fd < 0)
		return -errno;
	if (connect(a->fd, (const struct sockaddr *)address, target_length(address)) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	r = loop_fd_init(&a->source, a->loop, a->fd, LOOP_WRITE, on_writable, a);
	return r < 0 ? r : -EINPROGRESS;
}

/* One address has answered with @code; goes on with the next while there is one. */
static void go_on(struct tcp_attempt *a, int code)
{
	while (code < 0 && code != -EINPROGRESS && a->next < a->target.n_addresses) {
		hang_up(a);
		code = dial(a);
	}
	if (code != -EINPROGRESS)
		report(a, code);
}

static void on_writable(int fd, int events, void *userdata)
{
	struct tcp_attempt *a = userdata;
	int code = 0;
	socklen_t length = sizeof(code);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &length) < 0)
		code = errno;
	go_on(a, -code);
}

int tcp_attempt_start(struct loop *loop, const char *target, attempt_fn fn, void *userdata,
		      struct tcp_attempt **ret_attempt, struct error *err)
{
	struct tcp_attempt *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return error_set(err, -ENOMEM, "out of memory");
	a->loop = loop;
	a->fd = -1;
	a->fn = fn;
	a->userdata = userdata;
	r = target_parse(target, &a->target, err);
	if (r < 0) {
		tcp_attempt_free(a);
		return r;
	}
	*ret_attempt = a;
	go_on(a, dial(a));
	return 0;
}

void tcp_attempt_free(struct tcp_attempt *a)
{
	if (!a)
		return;
	hang_up(a);
	free(a);
}
