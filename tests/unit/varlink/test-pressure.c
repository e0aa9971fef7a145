/* SPDX-License-Identifier: MIT */
/*
 * server: peers that do not read, read slowly, or are gone. Each of these once drove a server on
 * libevent to hundreds of megabytes, or ended it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "lib/json.h"
#include "tests/unit/varlink/peer.h"
#include "tests/unit/varlink/pool.h"

#define CALL(method) "{\"method\":\"org.example.pool." method "\"}"
#define N_PIPELINED 200000

/* The address sanitizer puts a fence around each allocation and shadows it. */
#ifdef __SANITIZE_ADDRESS__
#define GROWTH_MAX ((size_t)32 * 1024 * 1024)
#else
#define GROWTH_MAX ((size_t)8 * 1024 * 1024)
#endif

static int setup(void **state)
{
	struct pool *pool = calloc(1, sizeof(*pool));

	assert_non_null(pool);
	pool_start(pool, VARLINK_ROLE_ADMIN);
	*state = pool;
	return 0;
}

static int teardown(void **state)
{
	pool_stop(*state);
	free(*state);
	return 0;
}

/* Asks on a connection of its own: the answer means that the loop has been around. */
static uint64_t stat_of(struct pool *pool, const char *key)
{
	cleanup_peer struct peer peer;
	cleanup_json json_t *reply = NULL;

	peer_connect(&peer, pool->path);
	reply = peer_ask(&peer, CALL("Stats"));
	return json_get_uint(json_object_get(reply, "parameters"), key, UINT64_MAX);
}

static void await_gone(struct pool *pool, int n)
{
	cleanup_peer struct peer peer;
	char text[100];

	(void)snprintf(text, sizeof(text),
		       "{\"method\":\"org.example.pool.AwaitGone\",\"parameters\":{\"gone\":%d}}",
		       n);
	peer_connect(&peer, pool->path);
	peer_say(&peer, text);
	peer_assert_hears(&peer, "{\"parameters\":{}}");
}

/* All calls in one text, made once; and how much of it a peer has sent. */
static char flood_text[(size_t)N_PIPELINED * 100];
static size_t flood_len;

struct flood {
	size_t sent;
};

static int group_setup(void **state)
{
	for (int i = 0; i < N_PIPELINED; i++) {
		char *end = flood_text + flood_len;

		flood_len +=
			1 + (size_t)snprintf(end, 100,
					     "{\"method\":\"org.example.pool.Echo\","
					     "\"parameters\":{\"i\":%d,\"pad\":\"0123456789\"}}",
					     i);
	}
	return 0;
}

static size_t flood_send(struct flood *f, struct peer *peer)
{
	size_t n = peer_say_some(peer, flood_text + f->sent, flood_len - f->sent);

	f->sent += n;
	return n;
}

/* Until nothing is taken any more, however often the server's loop turns. */
static void flood_until_stuck(struct flood *f, struct pool *pool, struct peer *peer)
{
	int turns = 0;

	while (f->sent < flood_len && turns < 200) {
		turns = flood_send(f, peer) > 0 ? 0 : turns + 1;
		ignore_result(stat_of(pool, "echoed"));
	}
}

static void pressure_peer_that_never_reads_costs_no_memory(void **state)
{
	struct pool *pool = *state;
	cleanup_peer struct peer peer;
	size_t before, after;
	struct flood f = {0};

	peer_connect(&peer, pool->path);
	ignore_result(stat_of(pool, "echoed"));
	before = pool_rss_bytes(pool);
	flood_until_stuck(&f, pool, &peer);
	after = pool_rss_bytes(pool);
	assert_true(f.sent < flood_len);
	assert_true(stat_of(pool, "echoed") < N_PIPELINED);
	assert_true(after < before + GROWTH_MAX);
}

static void pressure_peer_that_reads_at_last_gets_every_answer(void **state)
{
	struct pool *pool = *state;
	cleanup_peer struct peer peer;
	struct flood f = {0};

	peer_connect(&peer, pool->path);
	flood_until_stuck(&f, pool, &peer);
	for (uint64_t i = 0; i < N_PIPELINED; i++) {
		cleanup_json json_t *reply = NULL;

		if (f.sent < flood_len)
			(void)flood_send(&f, &peer);
		reply = peer_hear(&peer);
		assert_int_equal(
			json_get_uint(json_object_get(reply, "parameters"), "i", UINT64_MAX), i);
	}
	assert_int_equal(f.sent, flood_len);
}

static void pressure_peer_that_never_reads_and_dies_is_forgotten(void **state)
{
	struct pool *pool = *state;
	struct peer peer;
	struct flood f = {0};

	peer_connect(&peer, pool->path);
	flood_until_stuck(&f, pool, &peer);
	peer_done(&peer);

	/* Neither a SIGPIPE nor an endless turn: others are served. */
	peer_connect(&peer, pool->path);
	peer_say(&peer, "{\"method\":\"org.example.pool.Echo\",\"parameters\":{\"x\":1}}");
	peer_assert_hears(&peer, "{\"parameters\":{\"x\":1}}");
	peer_done(&peer);
}

static void pressure_slow_reader_of_a_stream_is_waited_for(void **state)
{
	static const uint64_t n = 20000;
	struct pool *pool = *state;
	cleanup_peer struct peer peer;
	size_t before;

	peer_connect(&peer, pool->path);
	ignore_result(stat_of(pool, "drained"));
	before = pool_rss_bytes(pool);
	peer_say(&peer, "{\"method\":\"org.example.pool.Stream\",\"more\":true,"
			"\"parameters\":{\"n\":20000}}");
	assert_true(peer_hears(&peer, PEER_DEADLINE_MSEC));
	assert_int_equal(stat_of(pool, "drained"), 0);
	assert_true(pool_rss_bytes(pool) < before + GROWTH_MAX);
	for (uint64_t i = 0; i < n; i++) {
		cleanup_json json_t *reply = peer_hear(&peer);

		assert_int_equal(
			json_get_uint(json_object_get(reply, "parameters"), "i", UINT64_MAX), i);
		assert_int_equal(json_get_bool(reply, "continues", false), i + 1 < n);
	}
	assert_true(stat_of(pool, "drained") > 10);
	assert_true(pool_rss_bytes(pool) < before + GROWTH_MAX);
}

static void pressure_reader_of_a_stream_that_leaves_is_told(void **state)
{
	struct pool *pool = *state;
	struct peer peer;

	peer_connect(&peer, pool->path);
	peer_say(&peer, "{\"method\":\"org.example.pool.Stream\",\"more\":true,"
			"\"parameters\":{\"n\":20000}}");
	assert_true(peer_hears(&peer, PEER_DEADLINE_MSEC));
	peer_done(&peer);
	await_gone(pool, 1);
}

static void pressure_peer_that_never_reads_events_is_hung_up_on(void **state)
{
	struct pool *pool = *state;
	cleanup_peer struct peer peer;
	size_t before, n = 0;
	json_t *reply;

	peer_connect(&peer, pool->path);
	ignore_result(stat_of(pool, "gone"));
	before = pool_rss_bytes(pool);
	peer_say(&peer, "{\"method\":\"org.example.pool.Flood\",\"more\":true,"
			"\"parameters\":{\"n\":100000}}");
	await_gone(pool, 1);
	assert_true(pool_rss_bytes(pool) < before + GROWTH_MAX);
	for (; (reply = peer_hear(&peer)); n++)
		json_decref(reply);
	assert_true(n < 100000);
}

static void pressure_watcher_that_leaves_is_told(void **state)
{
	struct pool *pool = *state;
	struct peer peer;

	peer_connect(&peer, pool->path);
	peer_say(&peer, CALL("Watch"));
	peer_done(&peer);
	await_gone(pool, 1);
}

static void pressure_watcher_that_leaves_behind_a_full_socket_is_told(void **state)
{
	struct pool *pool = *state;
	struct peer peer;
	struct flood f = {0};

	peer_connect(&peer, pool->path);
	peer_say(&peer, CALL("Watch"));
	flood_until_stuck(&f, pool, &peer);
	assert_int_equal(stat_of(pool, "echoed"), 0);
	peer_done(&peer);
	await_gone(pool, 1);
}

static void pressure_watcher_that_stopped_talking_is_told_when_it_leaves(void **state)
{
	struct pool *pool = *state;
	struct peer peer;

	peer_connect(&peer, pool->path);
	peer_say(&peer, CALL("Watch"));
	assert_int_equal(shutdown(peer.fd, SHUT_WR), 0);
	assert_int_equal(stat_of(pool, "gone"), 0);
	assert_false(peer_hears(&peer, 0));
	peer_done(&peer);
	await_gone(pool, 1);
}

static void pressure_call_answered_after_its_peer_left_is_harmless(void **state)
{
	struct pool *pool = *state;
	cleanup_peer struct peer other;
	struct peer peer;

	peer_connect(&peer, pool->path);
	peer_say(&peer, CALL("Hold"));
	peer_done(&peer);
	peer_connect(&other, pool->path);
	peer_say(&other, CALL("Release"));
	peer_assert_hears(&other, "{\"parameters\":{\"released\":1}}");
}

static void pressure_peer_that_stopped_talking_gets_its_answers(void **state)
{
	struct pool *pool = *state;
	cleanup_peer struct peer peer;

	peer_connect(&peer, pool->path);
	for (int i = 0; i < 3; i++)
		peer_say(&peer, "{\"method\":\"org.example.pool.Echo\",\"parameters\":{\"x\":1}}");
	assert_int_equal(shutdown(peer.fd, SHUT_WR), 0);
	for (int i = 0; i < 3; i++)
		peer_assert_hears(&peer, "{\"parameters\":{\"x\":1}}");
	peer_assert_ended(&peer);
}

static void pressure_peer_that_stopped_talking_gets_a_long_answer(void **state)
{
	struct pool *pool = *state;
	cleanup_peer struct peer peer;
	uint64_t i = 0;
	json_t *reply;

	peer_connect(&peer, pool->path);
	peer_say(&peer, "{\"method\":\"org.example.pool.Stream\",\"more\":true,"
			"\"parameters\":{\"n\":5000}}");
	assert_int_equal(shutdown(peer.fd, SHUT_WR), 0);
	for (; (reply = peer_hear(&peer)); i++)
		json_decref(reply);
	assert_int_equal(i, 5000);
}

static void pressure_peer_that_stopped_talking_gets_what_waited_for_it(void **state)
{
	static const char head[] = "{\"method\":\"org.example.pool.Echo\",\"parameters\":{\"x\":\"";
	static char text[2000000];
	struct pool *pool = *state;
	cleanup_json json_t *reply = NULL;
	cleanup_peer struct peer peer;

	memset(text, 'x', sizeof(text));
	memcpy(text, head, sizeof(head) - 1);
	memcpy(text + sizeof(text) - 4, "\"}}", 4);
	peer_connect(&peer, pool->path);
	peer_say(&peer, text);
	assert_int_equal(shutdown(peer.fd, SHUT_WR), 0);
	assert_true(peer_can_hear(&peer));
	assert_int_equal(stat_of(pool, "echoed"), 1);
	reply = peer_hear(&peer);
	assert_int_equal(
		json_string_length(json_object_get(json_object_get(reply, "parameters"), "x")),
		sizeof(text) - sizeof(head) - 3);
	peer_assert_ended(&peer);
}

static void pressure_peer_that_stopped_talking_gets_a_late_answer(void **state)
{
	struct pool *pool = *state;
	cleanup_peer struct peer peer, other;

	peer_connect(&peer, pool->path);
	peer_say(&peer, CALL("Hold"));
	peer_say(&peer, "{\"method\":\"org.example.pool.Echo\",\"parameters\":{\"x\":1}}");
	assert_int_equal(shutdown(peer.fd, SHUT_WR), 0);
	peer_connect(&other, pool->path);
	peer_say(&other, CALL("Release"));
	peer_assert_hears(&other, "{\"parameters\":{\"released\":1}}");
	peer_assert_hears(&peer, "{\"parameters\":{\"held\":0}}");
	peer_assert_hears(&peer, "{\"parameters\":{\"x\":1}}");
	peer_assert_ended(&peer);
}

static void pressure_calls_of_a_peer_that_left_are_carried_out(void **state)
{
	static const char note[] = "{\"method\":\"org.example.pool.Note\",\"oneway\":true}";
	struct pool *pool = *state;
	struct peer peer;

	peer_connect(&peer, pool->path);
	peer_say(&peer, CALL("Echo"));
	peer_say(&peer, CALL("Watch"));
	for (int i = 0; i < 100; i++)
		peer_say(&peer, note);
	peer_say(&peer, CALL("Watch"));
	(void)peer_say_some(&peer, "{\"method\":\"org", 14);
	peer_done(&peer);
	await_gone(pool, 2);
	assert_int_equal(stat_of(pool, "noted"), 100);
	assert_int_equal(stat_of(pool, "echoed"), 1);
}

static void pressure_server_that_ends_tells_its_watchers(void **state)
{
	struct pool *pool = *state;
	struct peer watch, hold;

	/* What the server does is checked by its exit code and by the sanitizers. */
	peer_connect(&watch, pool->path);
	peer_connect(&hold, pool->path);
	peer_say(&watch, CALL("Watch"));
	peer_say(&hold, CALL("Hold"));
	assert_int_equal(stat_of(pool, "gone"), 0);
	pool_stop(pool);
	peer_assert_ended(&watch);
	peer_assert_ended(&hold);
	peer_done(&watch);
	peer_done(&hold);
	pool_start(pool, VARLINK_ROLE_ADMIN);
}

#define pool_test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		pool_test(pressure_peer_that_never_reads_costs_no_memory),
		pool_test(pressure_peer_that_reads_at_last_gets_every_answer),
		pool_test(pressure_peer_that_never_reads_and_dies_is_forgotten),
		pool_test(pressure_slow_reader_of_a_stream_is_waited_for),
		pool_test(pressure_reader_of_a_stream_that_leaves_is_told),
		pool_test(pressure_peer_that_never_reads_events_is_hung_up_on),
		pool_test(pressure_watcher_that_leaves_is_told),
		pool_test(pressure_watcher_that_leaves_behind_a_full_socket_is_told),
		pool_test(pressure_watcher_that_stopped_talking_is_told_when_it_leaves),
		pool_test(pressure_call_answered_after_its_peer_left_is_harmless),
		pool_test(pressure_peer_that_stopped_talking_gets_its_answers),
		pool_test(pressure_peer_that_stopped_talking_gets_a_long_answer),
		pool_test(pressure_peer_that_stopped_talking_gets_what_waited_for_it),
		pool_test(pressure_peer_that_stopped_talking_gets_a_late_answer),
		pool_test(pressure_calls_of_a_peer_that_left_are_carried_out),
		pool_test(pressure_server_that_ends_tells_its_watchers),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
