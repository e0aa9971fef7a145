/* SPDX-License-Identifier: MIT */
/*
 * link: calls on the loop, and what each is told when the other end misbehaves or dies. The other
 * end is the pool, or a socket on which the test itself says what a server should not.
 */
#include "lib/varlink/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/fd.h"
#include "lib/json.h"
#include "lib/loop.h"
#include "tests/unit/varlink/peer.h"
#include "tests/unit/varlink/pool.h"

#define POOL "org.example.pool."
#define SEEN_MAX 2000

/* What the callbacks were told, one line each. */
struct table {
	struct pool pool;
	struct loop *loop;
	struct loop_timer deadline;
	struct varlink_link *link;
	char seen[SEEN_MAX];
	size_t n_seen;
	size_t n_expected;
};

static void on_deadline(void *userdata)
{
	struct table *t = userdata;

	loop_stop(t->loop, 1);
}

static int setup(void **state)
{
	struct table *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	pool_start(&t->pool, VARLINK_ROLE_ADMIN);
	assert_int_equal(loop_new(&t->loop), 0);
	assert_int_equal(loop_timer_init(&t->deadline, t->loop, on_deadline, t), 0);
	assert_int_equal(varlink_link_open(t->loop, t->pool.path, &t->link), 0);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct table *t = *state;

	varlink_link_free(t->link);
	loop_timer_done(&t->deadline);
	loop_free(t->loop);
	if (t->pool.pid > 0)
		pool_stop(&t->pool);
	free(t);
	return 0;
}

static void see(struct table *t, const char *text)
{
	size_t n = strlen(t->seen);

	(void)snprintf(t->seen + n, sizeof(t->seen) - n, "%s\n", text);
	if (++t->n_seen == t->n_expected)
		loop_stop(t->loop, 0);
}

static void on_reply(json_t *reply, bool continues, const struct error *err, void *userdata)
{
	struct table *t = userdata;
	char line[300];
	char *text;

	if (err) {
		assert_null(reply);
		assert_false(continues);
		(void)snprintf(line, sizeof(line), "%d %s", err->code, err->id);
		see(t, line);
		return;
	}
	text = json_dumps(reply, JSON_COMPACT);
	(void)snprintf(line, sizeof(line), "%s%s", text, continues ? " …" : "");
	free(text);
	see(t, line);
}

static void call(struct table *t, const char *method, json_t *parameters)
{
	assert_int_equal(varlink_link_call(t->link, method, parameters, false, on_reply, t), 0);
}

/* Runs the loop until @n callbacks came. */
static void assert_sees(struct table *t, size_t n, const char *expected)
{
	t->n_expected = n;
	assert_int_equal(loop_timer_set(&t->deadline, clock_now_usec() + 20 * USEC_PER_SEC), 0);
	if (t->n_seen < n && loop_run(t->loop) != 0)
		fail_msg("nothing more came after\n%s", t->seen);
	assert_string_equal(t->seen, expected);
}

static void link_calls_are_answered_in_order(void **state)
{
	struct table *t = *state;

	call(t, POOL "Echo", json_pack("{s:i}", "x", 1));
	call(t, POOL "Swim", NULL);
	call(t, POOL "Fail", json_pack("{s:s}", "text", "oh"));
	call(t, POOL "Echo", json_pack("{s:i}", "x", 2));
	assert_sees(t, 4,
		    "{\"x\":1}\n"
		    "-121 org.varlink.service.MethodNotFound\n"
		    "-121 org.example.pool.Failed\n"
		    "{\"x\":2}\n");
}

static void link_many_answers_belong_to_one_call(void **state)
{
	struct table *t = *state;

	assert_int_equal(varlink_link_call(t->link, POOL "Stream",
					   json_pack("{s:i, s:i}", "n", 3, "filler", 1), true,
					   on_reply, t),
			 0);
	call(t, POOL "Echo", NULL);
	assert_sees(t, 4,
		    "{\"i\":0,\"filler\":\"x\"} …\n"
		    "{\"i\":1,\"filler\":\"x\"} …\n"
		    "{\"i\":2}\n"
		    "{}\n");
}

static void link_freed_with_calls_in_progress_calls_nobody(void **state)
{
	struct table *t = *state;

	call(t, POOL "Echo", json_pack("{s:i}", "x", 1));
	varlink_link_free(t->link);
	assert_int_equal(varlink_link_open(t->loop, t->pool.path, &t->link), 0);
	call(t, POOL "Note", NULL);
	call(t, POOL "Note", NULL);
	assert_sees(t, 2, "{}\n{}\n");
}

static void link_server_that_dies_is_told_to_each_call_once(void **state)
{
	struct table *t = *state;

	call(t, POOL "Watch", NULL);
	call(t, POOL "Echo", NULL);
	call(t, POOL "Echo", NULL);
	pool_kill(&t->pool);
	t->pool.pid = 0;
	assert_sees(t, 3, "-104 \n-104 \n-104 \n");
	assert_int_equal(varlink_link_call(t->link, POOL "Echo", NULL, false, on_reply, t),
			 -ECONNRESET);
}

static void link_nobody_listening_is_told_at_once(void **state)
{
	struct table *t = *state;
	struct varlink_link *link = NULL;

	assert_int_equal(varlink_link_open(t->loop, "/tmp/no-such-socket", &link), -ENOENT);
	assert_null(link);
}

static void link_calls_that_wait_are_bounded(void **state)
{
	struct table *t = *state;

	for (int i = 0; i < VARLINK_LINK_CALLS_MAX; i++)
		call(t, POOL "Watch", NULL);
	assert_int_equal(varlink_link_call(t->link, POOL "Watch", NULL, false, on_reply, t),
			 -ENOBUFS);
	assert_int_equal(t->n_seen, 0);
}

static void on_long_reply(json_t *reply, bool continues, const struct error *err, void *userdata)
{
	struct table *t = userdata;

	assert_null(err);
	if (++t->n_seen == t->n_expected)
		loop_stop(t->loop, 0);
}

static void link_that_is_full_still_takes_answers(void **state)
{
	char text[10000];
	struct table *t = *state;

	/* Both directions are full: a link that waited for its output would wait for ever. */
	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 300; i++)
		assert_int_equal(
			varlink_link_call(t->link, POOL "Echo",
					  json_pack("{s:s#}", "x", text, (int)sizeof(text)), false,
					  on_long_reply, t),
			0);
	assert_sees(t, 300, "");
}

/* --- callbacks that free ---------------------------------------------------------------------- */

static void on_reply_free(json_t *reply, bool continues, const struct error *err, void *userdata)
{
	struct table *t = userdata;

	varlink_link_free(steal_ptr(t->link));
	see(t, err ? "error" : "answer");
}

static void link_freed_in_its_callback_calls_nobody_else(void **state)
{
	struct table *t = *state;

	assert_int_equal(varlink_link_call(t->link, POOL "Echo", NULL, false, on_reply_free, t), 0);
	call(t, POOL "Echo", NULL);
	assert_sees(t, 1, "answer\n");
}

static void link_freed_in_its_last_callback_calls_nobody_else(void **state)
{
	struct table *t = *state;

	assert_int_equal(varlink_link_call(t->link, POOL "Watch", NULL, false, on_reply_free, t),
			 0);
	call(t, POOL "Echo", NULL);
	pool_kill(&t->pool);
	t->pool.pid = 0;
	assert_sees(t, 1, "error\n");
}

static void on_reply_call(json_t *reply, bool continues, const struct error *err, void *userdata)
{
	struct table *t = userdata;

	see(t, err ? "error" : "answer");
	ignore_result(varlink_link_call(t->link, POOL "Echo", NULL, false, on_reply, t));
}

static void link_callback_may_call_again(void **state)
{
	struct table *t = *state;

	assert_int_equal(varlink_link_call(t->link, POOL "Note", NULL, false, on_reply_call, t), 0);
	assert_sees(t, 2, "answer\n{}\n");
}

static void link_callback_that_calls_a_dead_server_is_refused(void **state)
{
	struct table *t = *state;

	assert_int_equal(varlink_link_call(t->link, POOL "Watch", NULL, false, on_reply_call, t),
			 0);
	call(t, POOL "Watch", NULL);
	pool_kill(&t->pool);
	t->pool.pid = 0;
	assert_sees(t, 2, "error\n-104 \n");
}

/* --- servers that lie ------------------------------------------------------------------------- */

static void assert_lie(struct table *t, const char *lie, size_t n, const char *expected)
{
	struct pool honest = t->pool;
	cleanup_close int listening = -1;
	cleanup_close int fd = -1;

	varlink_link_free(steal_ptr(t->link));
	(void)snprintf(t->pool.path, sizeof(t->pool.path), "%s/lie", t->pool.folder);
	listening = fd_unix_listen(t->pool.path, SOCK_STREAM, 0600);
	assert_true(listening >= 0);
	assert_int_equal(varlink_link_open(t->loop, t->pool.path, &t->link), 0);
	fd = accept(listening, NULL, NULL);
	assert_true(fd >= 0);
	assert_int_equal(unlink(t->pool.path), 0);
	t->pool = honest;

	call(t, "org.example.lie.A", NULL);
	call(t, "org.example.lie.B", NULL);
	assert_int_equal(send(fd, lie, strlen(lie) + 1, MSG_NOSIGNAL), strlen(lie) + 1);
	assert_sees(t, n, expected);
}

static void link_answer_that_is_no_json_ends_the_connection(void **state)
{
	assert_lie(*state, "HTTP/1.1 200 OK", 2, "-74 \n-74 \n");
}

static void link_answer_that_goes_on_unasked_ends_the_connection(void **state)
{
	assert_lie(*state, "{\"parameters\":{},\"continues\":true}", 2, "-74 \n-74 \n");
}

static void link_error_with_odd_parameters_is_still_an_error(void **state)
{
	assert_lie(*state, "{\"error\":\"org.example.lie.Odd\",\"parameters\":{\"message\":[]}}", 1,
		   "-121 org.example.lie.Odd\n");
}

#define pool_test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		pool_test(link_calls_are_answered_in_order),
		pool_test(link_many_answers_belong_to_one_call),
		pool_test(link_freed_with_calls_in_progress_calls_nobody),
		pool_test(link_server_that_dies_is_told_to_each_call_once),
		pool_test(link_nobody_listening_is_told_at_once),
		pool_test(link_calls_that_wait_are_bounded),
		pool_test(link_that_is_full_still_takes_answers),
		pool_test(link_freed_in_its_callback_calls_nobody_else),
		pool_test(link_freed_in_its_last_callback_calls_nobody_else),
		pool_test(link_callback_may_call_again),
		pool_test(link_callback_that_calls_a_dead_server_is_refused),
		pool_test(link_answer_that_is_no_json_ends_the_connection),
		pool_test(link_answer_that_goes_on_unasked_ends_the_connection),
		pool_test(link_error_with_odd_parameters_is_still_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
