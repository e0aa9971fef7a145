/* SPDX-License-Identifier: MIT */
/*
 * wire: fairness between connections, owners that free it wherever they are called, and a kernel
 * that refuses.
 */
#include "lib/varlink/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/loop.h"

ssize_t __wrap_send(int fd, const void *bytes, size_t n, int flags);
ssize_t __real_send(int fd, const void *bytes, size_t n, int flags);

static int send_errno;
static bool send_swallows; /* a kernel with endless room */

ssize_t __wrap_send(int fd, const void *bytes, size_t n, int flags)
{
	if (send_swallows)
		return (ssize_t)n;
	if (send_errno == 0)
		return __real_send(fd, bytes, n, flags);
	errno = send_errno;
	return -1;
}

/* One end of a socket pair; the test holds the other. */
struct end {
	struct loop *loop;
	struct wire *wire;
	int peer;
	int n_messages;
	int n_drained;
	int n_deaf;
	int n_ended;
	int stop_at; /* messages after which the loop stops */
	int refill;  /* how often a wire that has drained is filled again */
	bool free_it;
	bool fill_it;
	bool block_it;
};

static void end_free(struct end *e)
{
	wire_free(steal_ptr(e->wire));
	loop_stop(e->loop, 0);
}

static void end_fill(struct end *e)
{
	cleanup_json json_t *message = json_object();
	char bytes[10000];

	memset(bytes, 'x', sizeof(bytes));
	assert_int_equal(json_object_set_new(message, "x", json_stringn(bytes, sizeof(bytes))), 0);
	while (!wire_full(e->wire))
		assert_int_equal(wire_send(e->wire, message), 0);
}

static void on_message(const char *text, size_t n_bytes, void *userdata)
{
	struct end *e = userdata;

	if (++e->n_messages == e->stop_at)
		loop_stop(e->loop, 0);
	if (e->fill_it)
		end_fill(e);
	if (e->block_it)
		wire_block(e->wire, true);
	if (e->free_it)
		end_free(e);
}

static void on_drained(void *userdata)
{
	struct end *e = userdata;

	if (++e->n_drained <= e->refill)
		end_fill(e);
	else
		loop_stop(e->loop, 0);
	if (e->free_it)
		end_free(e);
}

static void on_deaf(void *userdata)
{
	struct end *e = userdata;

	e->n_deaf++;
	if (e->free_it)
		end_free(e);
	else
		wire_block(e->wire, false);
}

static void on_ended(void *userdata)
{
	struct end *e = userdata;

	e->n_ended++;
	end_free(e);
}

static const struct wire_events events = {
	.message = on_message,
	.drained = on_drained,
	.deaf = on_deaf,
	.ended = on_ended,
};

static void end_open(struct end *e, struct loop *l)
{
	int pair[2];

	*e = (struct end){.loop = l};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair),
			 0);
	assert_int_equal(wire_new(l, pair[0], 1000, &events, e, &e->wire), 0);
	e->peer = pair[1];
}

static void end_close(struct end *e)
{
	wire_free(e->wire);
	close_fd(&e->peer);
}

static void on_deadline(void *userdata)
{
	loop_stop(userdata, 1);
}

static void run(struct loop *l)
{
	struct loop_timer deadline = {0};

	assert_int_equal(loop_timer_init(&deadline, l, on_deadline, l), 0);
	assert_int_equal(loop_timer_set(&deadline, clock_now_usec() + 20 * USEC_PER_SEC), 0);
	assert_int_equal(loop_run(l), 0);
	loop_timer_done(&deadline);
}

static int setup(void **state)
{
	struct loop *l = NULL;

	send_errno = 0;
	send_swallows = false;
	assert_int_equal(loop_new(&l), 0);
	*state = l;
	return 0;
}

static int teardown(void **state)
{
	loop_free(*state);
	return 0;
}

static void end_says(struct end *e, int times)
{
	for (int i = 0; i < times; i++)
		assert_int_equal(__real_send(e->peer, "{}", 3, 0), 3);
}

static void wire_with_much_to_say_lets_others_have_their_turn(void **state)
{
	struct end busy, calm;

	end_open(&busy, *state);
	end_open(&calm, *state);
	end_says(&busy, 250);
	end_says(&calm, 1);
	calm.stop_at = 1;
	run(*state);
	assert_int_equal(calm.n_messages, 1);
	assert_true(busy.n_messages < 250);
	busy.stop_at = 250;
	run(*state);
	end_close(&busy);
	end_close(&calm);
}

static void wire_freed_by_a_message_hands_out_no_other(void **state)
{
	struct end e;

	end_open(&e, *state);
	end_says(&e, 3);
	e.free_it = true;
	run(*state);
	assert_int_equal(e.n_messages, 1);
	assert_int_equal(e.n_ended, 0);
	end_close(&e);
}

static void wire_freed_by_a_deaf_peer_is_not_ended(void **state)
{
	struct end e;

	end_open(&e, *state);
	end_says(&e, 1);
	e.block_it = true;
	e.stop_at = 1;
	run(*state);
	e.free_it = true;
	close_fd(&e.peer);
	run(*state);
	assert_int_equal(e.n_deaf, 1);
	assert_int_equal(e.n_ended, 0);
	end_close(&e);
}

static void on_peer_readable(int fd, int what, void *userdata)
{
	char bytes[10000];

	assert_true(recv(fd, bytes, sizeof(bytes), 0) > 0);
}

static void wire_freed_when_it_drained_is_gone(void **state)
{
	struct loop_fd reader = {0};
	struct end e;

	end_open(&e, *state);
	end_fill(&e);
	assert_int_equal(e.n_drained, 0);
	assert_int_equal(loop_fd_init(&reader, *state, e.peer, LOOP_READ, on_peer_readable, NULL),
			 0);
	e.free_it = true;
	run(*state);
	assert_int_equal(e.n_drained, 1);
	assert_null(e.wire);
	loop_fd_done(&reader);
	end_close(&e);
}

static void wire_that_drains_at_once_is_told_each_time(void **state)
{
	struct end e;

	/* Filled from a message, so that all happens in the same turn until that is long enough. */
	end_open(&e, *state);
	end_says(&e, 1);
	e.fill_it = true;
	e.refill = 500;
	send_swallows = true;
	run(*state);
	assert_int_equal(e.n_drained, 501);
	end_close(&e);
}

static void wire_that_the_kernel_refuses_ends_for_the_peer_too(void **state)
{
	cleanup_json json_t *message = json_object();
	struct end e;
	char byte;

	end_open(&e, *state);
	send_errno = ENOBUFS;
	assert_int_equal(wire_send(e.wire, message), 0);
	assert_int_equal(recv(e.peer, &byte, 1, 0), 0);
	run(*state);
	assert_int_equal(e.n_ended, 1);
	end_close(&e);
}

static void wire_aborted_by_its_owner_ends_later(void **state)
{
	cleanup_json json_t *message = json_object();
	struct end e;
	char byte;

	end_open(&e, *state);
	wire_abort(e.wire);
	assert_int_equal(e.n_ended, 0);
	assert_int_equal(wire_send(e.wire, message), 0);
	run(*state);
	assert_int_equal(e.n_ended, 1);
	assert_int_equal(recv(e.peer, &byte, 1, 0), 0);
	end_close(&e);
}

#define wire_test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		wire_test(wire_with_much_to_say_lets_others_have_their_turn),
		wire_test(wire_freed_by_a_message_hands_out_no_other),
		wire_test(wire_freed_by_a_deaf_peer_is_not_ended),
		wire_test(wire_freed_when_it_drained_is_gone),
		wire_test(wire_that_drains_at_once_is_told_each_time),
		wire_test(wire_that_the_kernel_refuses_ends_for_the_peer_too),
		wire_test(wire_aborted_by_its_owner_ends_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
