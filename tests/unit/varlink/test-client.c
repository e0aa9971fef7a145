/* SPDX-License-Identifier: MIT */
/*
 * client: calls that block, with deadlines, and what is said when they fail.
 */
#include "lib/varlink/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "tests/unit/varlink/pool.h"

#define POOL "org.example.pool."

struct table {
	struct pool pool;
	struct varlink_client *client;
	struct error err;
};

static int setup(void **state)
{
	struct table *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	pool_start(&t->pool, VARLINK_ROLE_READ);
	assert_int_equal(varlink_client_connect(t->pool.path, &t->client, &t->err), 0);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct table *t = *state;

	varlink_client_free(t->client);
	if (t->pool.pid > 0)
		pool_stop(&t->pool);
	free(t);
	return 0;
}

static usec_t soon(void)
{
	return clock_now_usec() + 20 * USEC_PER_SEC;
}

static int call(struct table *t, const char *method, json_t *parameters, json_t **ret_reply)
{
	return varlink_client_call(t->client, method, parameters, soon(), ret_reply, &t->err);
}

static void assert_echoes(struct table *t)
{
	cleanup_json json_t *reply = NULL;

	assert_int_equal(call(t, POOL "Echo", json_pack("{s:i}", "x", 7), &reply), 0);
	assert_int_equal(json_get_uint(reply, "x", 0), 7);
}

static void client_call_is_answered(void **state)
{
	struct table *t = *state;
	cleanup_json json_t *empty = NULL;

	assert_echoes(t);
	assert_echoes(t);
	assert_int_equal(call(t, POOL "Note", NULL, &empty), 0);
	assert_int_equal(json_object_size(empty), 0);
	assert_true(varlink_client_fd(t->client) >= 0);
}

static void client_oneway_call_has_no_answer(void **state)
{
	struct table *t = *state;
	cleanup_json json_t *stats = NULL;

	for (int i = 0; i < 3; i++)
		assert_int_equal(varlink_client_tell(t->client, POOL "Note", NULL, soon(), &t->err),
				 0);
	assert_int_equal(call(t, POOL "Stats", NULL, &stats), 0);
	assert_int_equal(json_get_uint(stats, "noted", 0), 3);
}

static void client_busy_with_a_call_goes_on_with_it(void **state)
{
	struct table *t = *state;
	cleanup_json json_t *reply = NULL;

	assert_int_equal(
		varlink_client_begin(t->client, POOL "Stream", json_pack("{s:i}", "n", 2), &t->err),
		0);
	assert_int_equal(call(t, POOL "Echo", NULL, &reply), -EBUSY);
	assert_int_equal(varlink_client_tell(t->client, POOL "Note", NULL, soon(), &t->err),
			 -EBUSY);
	assert_int_equal(varlink_client_next(t->client, soon(), &reply, &t->err), 1);
	json_decref(steal_ptr(reply));
	assert_int_equal(varlink_client_next(t->client, soon(), &reply, &t->err), 0);
}

static void client_long_call_and_answer_fit_through(void **state)
{
	char *text = malloc(3000000);
	struct table *t = *state;
	cleanup_json json_t *reply = NULL;

	assert_non_null(text);
	memset(text, 'x', 3000000);
	assert_int_equal(call(t, POOL "Echo", json_pack("{s:s#}", "x", text, 3000000), &reply), 0);
	assert_int_equal(json_string_length(json_object_get(reply, "x")), 3000000);
	free(text);
}

static void client_call_too_long_is_not_sent(void **state)
{
	char *text = malloc(17 * 1024 * 1024);
	struct table *t = *state;
	json_t *reply = NULL;

	assert_non_null(text);
	memset(text, 'x', 17 * 1024 * 1024);
	assert_int_equal(
		call(t, POOL "Echo", json_pack("{s:s#}", "x", text, 17 * 1024 * 1024), &reply),
		-EMSGSIZE);
	free(text);
	assert_echoes(t);
}

static void client_error_has_its_id_and_text(void **state)
{
	struct table *t = *state;
	json_t *reply = NULL;

	assert_int_equal(call(t, POOL "Fail", json_pack("{s:s}", "text", "it broke"), &reply),
			 -EREMOTEIO);
	assert_null(reply);
	assert_string_equal(t->err.id, POOL "Failed");
	assert_string_equal(t->err.text, "it broke");
	assert_int_equal(call(t, POOL "Operate", NULL, &reply), -EREMOTEIO);
	assert_string_equal(t->err.id, "org.varlink.service.PermissionDenied");
	assert_echoes(t);
}

static void client_deadline_leaves_the_call_going(void **state)
{
	struct varlink_client *other = NULL;
	struct table *t = *state;
	json_t *reply = NULL;

	assert_int_equal(varlink_client_call(t->client, POOL "Hold", NULL, clock_now_usec() + 1000,
					     &reply, &t->err),
			 -ETIMEDOUT);
	assert_int_equal(call(t, POOL "Echo", NULL, &reply), -EBUSY);

	assert_int_equal(varlink_client_connect(t->pool.path, &other, &t->err), 0);
	assert_int_equal(varlink_client_call(other, POOL "Release", NULL, soon(), &reply, &t->err),
			 0);
	assert_int_equal(json_get_uint(reply, "released", 0), 1);
	json_decref(reply);
	varlink_client_free(other);

	assert_int_equal(varlink_client_next(t->client, soon(), &reply, &t->err), 0);
	assert_int_equal(json_get_uint(reply, "held", 9), 0);
	json_decref(reply);
	assert_echoes(t);
}

static void client_deadline_of_the_past_takes_what_is_there(void **state)
{
	struct table *t = *state;
	json_t *reply = NULL;

	assert_int_equal(varlink_client_call(t->client, POOL "Hold", NULL, 0, &reply, &t->err),
			 -ETIMEDOUT);
	assert_string_equal(t->err.text, "no answer in time");
}

static void client_many_answers_come_one_by_one(void **state)
{
	struct table *t = *state;
	cleanup_json json_t *none = NULL;

	assert_int_equal(varlink_client_begin(t->client, POOL "Stream",
					      json_pack("{s:i}", "n", 500), &t->err),
			 0);
	for (uint64_t i = 0; i < 500; i++) {
		cleanup_json json_t *reply = NULL;

		assert_int_equal(varlink_client_next(t->client, soon(), &reply, &t->err), i < 499);
		assert_int_equal(json_get_uint(reply, "i", UINT64_MAX), i);
	}
	assert_int_equal(varlink_client_next(t->client, soon(), &none, &t->err), -ECONNRESET);
	assert_echoes(t);
}

static void client_error_ends_a_call_with_many_answers(void **state)
{
	struct table *t = *state;
	json_t *reply = NULL;

	assert_int_equal(varlink_client_begin(t->client, POOL "Swim", NULL, &t->err), 0);
	assert_int_equal(varlink_client_next(t->client, soon(), &reply, &t->err), -EREMOTEIO);
	assert_string_equal(t->err.id, "org.varlink.service.MethodNotFound");
	assert_echoes(t);
}

static void client_nobody_listening_is_told_at_once(void **state)
{
	struct varlink_client *client = NULL;
	struct error err = {0};

	assert_int_equal(varlink_client_connect("/tmp/no-such-socket", &client, &err), -ENOENT);
	assert_non_null(strstr(err.text, "\"/tmp/no-such-socket\""));
	assert_null(client);
}

static void client_of_a_server_that_dies_is_told(void **state)
{
	struct table *t = *state;
	json_t *reply = NULL;

	assert_int_equal(varlink_client_begin(t->client, POOL "Watch", NULL, &t->err), 0);
	pool_kill(&t->pool);
	t->pool.pid = 0;
	assert_int_equal(varlink_client_next(t->client, soon(), &reply, &t->err), -ECONNRESET);
	assert_int_equal(call(t, POOL "Echo", NULL, &reply), -ECONNRESET);
	assert_string_equal(t->err.text, "the connection has ended");
}

static void client_of_a_dead_server_has_no_sigpipe(void **state)
{
	struct table *t = *state;
	json_t *reply = NULL;
	int r;

	pool_kill(&t->pool);
	t->pool.pid = 0;
	r = call(t, POOL "Echo", NULL, &reply);
	assert_true(r == -EPIPE || r == -ECONNRESET);
}

#define pool_test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		pool_test(client_call_is_answered),
		pool_test(client_oneway_call_has_no_answer),
		pool_test(client_busy_with_a_call_goes_on_with_it),
		pool_test(client_long_call_and_answer_fit_through),
		pool_test(client_call_too_long_is_not_sent),
		pool_test(client_error_has_its_id_and_text),
		pool_test(client_deadline_leaves_the_call_going),
		pool_test(client_deadline_of_the_past_takes_what_is_there),
		pool_test(client_many_answers_come_one_by_one),
		pool_test(client_error_ends_a_call_with_many_answers),
		cmocka_unit_test(client_nobody_listening_is_told_at_once),
		pool_test(client_of_a_server_that_dies_is_told),
		pool_test(client_of_a_dead_server_has_no_sigpipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
