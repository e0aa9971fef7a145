/* SPDX-License-Identifier: MIT */
/*
 * A peer that sends anything to a server and then ends its side: the server answers what it
 * understands, closes, and has called each method's owner exactly once back.
 *
 * Calls in progress are answered when no input is left, or never: then they must be told (gone).
 */
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/error.h"
#include "lib/fd.h"
#include "lib/json.h"
#include "lib/loop.h"
#include "lib/varlink/message.h"
#include "lib/varlink/server.h"
#include "tests/fuzz/fuzz.h"

/* More would not fit into a socket, and nobody reads while we write. */
#define INPUT_MAX 4096
/* Turns of the loop in which everything has to happen that can happen. */
#define TURNS 64

struct fuzz_server {
	struct loop *loop;
	struct varlink_server *server;
	struct loop_timer turn;
	int n_turns;
	int fd;
	int n_watched;
	int n_gone;
};

static int act_echo(struct varlink_call *call, json_t *parameters, void *userdata,
		    struct error *err)
{
	if (varlink_call_wants_more(call))
		ignore_result(varlink_call_continue(call, json_incref(parameters)));
	varlink_call_reply(call, json_incref(parameters));
	return 0;
}

static int act_fail(struct varlink_call *call, json_t *parameters, void *userdata,
		    struct error *err)
{
	return error_set_id(err, -EINVAL, VARLINK_ERROR_INVALID_PARAMETER, "x");
}

static void on_gone(void *userdata)
{
	struct fuzz_server *f = userdata;

	f->n_gone++;
}

static int act_watch(struct varlink_call *call, json_t *parameters, void *userdata,
		     struct error *err)
{
	struct fuzz_server *f = userdata;

	f->n_watched++;
	varlink_call_watch(call, on_gone, NULL, f);
	return 0;
}

static const struct varlink_method methods[] = {
	{"E", VARLINK_ROLE_READ, act_echo},
	{"F", VARLINK_ROLE_READ, act_fail},
	{"W", VARLINK_ROLE_READ, act_watch},
	{"P", VARLINK_ROLE_READ, NULL},
};

static const struct varlink_interface interface = {
	.name = "a.b",
	.text = "interface a.b\n",
	.methods = methods,
	.n_methods = ARRAY_LEN(methods),
};

/* Takes what was answered, and in the middle of it goes away. */
static void on_turn(void *userdata)
{
	struct fuzz_server *f = userdata;
	char bytes[65536];

	while (f->fd >= 0 && recv(f->fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	if (f->n_turns == TURNS / 2)
		close_fd(&f->fd);
	if (++f->n_turns == TURNS)
		loop_stop(f->loop, 0);
	else
		fuzz_require(loop_timer_set(&f->turn, 0) == 0);
}

static int listen_anywhere(struct sockaddr_un *ret_address, socklen_t *ret_len)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* An address without a name: the kernel chooses an abstract one. */
	*ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
	fuzz_require(bind(fd, (struct sockaddr *)ret_address, sizeof(sa_family_t)) == 0);
	*ret_len = sizeof(*ret_address);
	fuzz_require(getsockname(fd, (struct sockaddr *)ret_address, ret_len) == 0);
	fuzz_require(listen(fd, 8) == 0);
	return fd;
}

static void fuzz_open(struct fuzz_server *f)
{
	struct sockaddr_un address;
	socklen_t len;
	int listening = listen_anywhere(&address, &len);

	fuzz_require(loop_new(&f->loop) == 0);
	fuzz_require(varlink_server_new(f->loop, NULL, f, &f->server) == 0);
	fuzz_require(varlink_server_add(f->server, &interface) == 0);
	fuzz_require(varlink_server_listen(f->server, listening) == 0);
	fuzz_require(loop_timer_init(&f->turn, f->loop, on_turn, f) == 0);
	fuzz_require(loop_timer_set(&f->turn, 0) == 0);
	f->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fuzz_require(connect(f->fd, (struct sockaddr *)&address, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_server f = {.fd = -1};

	size = MIN_OF(size, (size_t)INPUT_MAX);
	fuzz_open(&f);
	fuzz_require(send(f.fd, data, size, MSG_NOSIGNAL) == (ssize_t)size);
	fuzz_require(shutdown(f.fd, SHUT_WR) == 0);
	fuzz_require(loop_run(f.loop) == 0);
	fuzz_require(f.n_gone == f.n_watched);
	loop_timer_done(&f.turn);
	varlink_server_free(f.server);
	loop_free(f.loop);
	return 0;
}
