/* SPDX-License-Identifier: MIT */
/*
 * server: what is answered to whom, in which order, and what ends a connection.
 */
#include "lib/varlink/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/varlink/idl.h"
#include "lib/varlink/service.h"
#include "tests/unit/varlink/peer.h"
#include "tests/unit/varlink/pool.h"

#define CALL(method) "{\"method\":\"org.example.pool." method "\"}"
#define CALL_WITH(method, parameters) \
	"{\"method\":\"org.example.pool." method "\",\"parameters\":" parameters "}"

struct table {
	struct pool pool;
	struct peer peer;
};

static int table_lay(void **state, enum varlink_role role)
{
	struct table *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	pool_start(&t->pool, role);
	peer_connect(&t->peer, t->pool.path);
	*state = t;
	return 0;
}

static int setup(void **state)
{
	return table_lay(state, VARLINK_ROLE_ADMIN);
}

static int setup_reader(void **state)
{
	return table_lay(state, VARLINK_ROLE_READ);
}

static int setup_stranger(void **state)
{
	return table_lay(state, VARLINK_ROLE_NONE);
}

static int setup_default_role(void **state)
{
	return table_lay(state, VARLINK_ROLE_COUNT);
}

static int teardown(void **state)
{
	struct table *t = *state;

	peer_done(&t->peer);
	pool_stop(&t->pool);
	free(t);
	return 0;
}

static uint64_t stat_of(struct table *t, const char *key)
{
	cleanup_peer struct peer peer;
	cleanup_json json_t *reply = NULL;

	peer_connect(&peer, t->pool.path);
	reply = peer_ask(&peer, CALL("Stats"));
	return json_get_uint(json_object_get(reply, "parameters"), key, UINT64_MAX);
}

static void server_call_is_answered(void **state)
{
	struct table *t = *state;

	peer_say(&t->peer, CALL_WITH("Echo", "{\"text\":\"\xc3\xa4\",\"n\":[1,2.5,null]}"));
	peer_assert_hears(&t->peer, "{\"parameters\":{\"text\":\"\xc3\xa4\",\"n\":[1,2.5,null]}}");
}

static void server_caller_is_known_by_its_credentials(void **state)
{
	struct table *t = *state;
	char expected[100];

	(void)snprintf(expected, sizeof(expected), "{\"parameters\":{\"pid\":%d,\"uid\":%u}}",
		       getpid(), getuid());
	peer_say(&t->peer, CALL("Who"));
	peer_assert_hears(&t->peer, expected);
}

static void server_failure_is_answered_with_its_name_and_text(void **state)
{
	struct table *t = *state;

	peer_say(&t->peer,
		 CALL_WITH("Fail", "{\"id\":\"org.example.pool.Wet\",\"text\":\"drip\"}"));
	peer_assert_hears(&t->peer, "{\"error\":\"org.example.pool.Wet\","
				    "\"parameters\":{\"message\":\"drip\"}}");
	peer_say(&t->peer, CALL_WITH("Fail", "{\"text\":\"drip\"}"));
	peer_assert_hears(&t->peer, "{\"error\":\"org.example.pool.Failed\","
				    "\"parameters\":{\"message\":\"drip\"}}");
	peer_say(&t->peer, CALL("Fail"));
	peer_assert_hears(&t->peer, "{\"error\":\"org.example.pool.Failed\","
				    "\"parameters\":{\"message\":\"Input/output error\"}}");
}

static void server_unknown_method_is_named(void **state)
{
	static const char *const rows[][2] = {
		{CALL("Swim"), "{\"error\":\"org.varlink.service.MethodNotFound\","
			       "\"parameters\":{\"method\":\"org.example.pool.Swim\"}}"},
		{CALL("Planned"), "{\"error\":\"org.varlink.service.MethodNotImplemented\","
				  "\"parameters\":{\"method\":\"org.example.pool.Planned\"}}"},
		{"{\"method\":\"org.example.poo.Echo\"}",
		 "{\"error\":\"org.varlink.service.InterfaceNotFound\","
		 "\"parameters\":{\"interface\":\"org.example.poo\"}}"},
		{"{\"method\":\"org.example.pool2.Echo\"}",
		 "{\"error\":\"org.varlink.service.InterfaceNotFound\","
		 "\"parameters\":{\"interface\":\"org.example.pool2\"}}"},
		{"{\"method\":\".\"}", "{\"error\":\"org.varlink.service.InterfaceNotFound\","
				       "\"parameters\":{\"interface\":\"\"}}"},
		{"{\"method\":\"Echo\"}", "{\"error\":\"org.varlink.service.InvalidParameter\","
					  "\"parameters\":{\"parameter\":\"method\"}}"},
		{"{\"method\":\"org.example.pool.Echo\",\"upgrade\":true}",
		 "{\"error\":\"org.varlink.service.InvalidParameter\","
		 "\"parameters\":{\"parameter\":\"upgrade\"}}"},
	};
	struct table *t = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		peer_say(&t->peer, rows[i][0]);
		peer_assert_hears(&t->peer, rows[i][1]);
	}
}

static void server_describes_itself(void **state)
{
	cleanup_json json_t *info = NULL, *text = NULL;
	struct table *t = *state;
	json_t *p;

	info = peer_ask(&t->peer, "{\"method\":\"org.varlink.service.GetInfo\"}");
	p = json_object_get(info, "parameters");
	assert_string_equal(json_get_string(p, "vendor"), "slicekeep");
	assert_string_equal(json_get_string(p, "version"), SLICEKEEP_VERSION);
	assert_string_equal(json_get_string(p, "product"), "test-server");
	assert_non_null(json_get_string(p, "url"));
	p = json_object_get(p, "interfaces");
	assert_int_equal(json_array_size(p), 2);
	assert_string_equal(json_string_value(json_array_get(p, 0)), "org.varlink.service");
	assert_string_equal(json_string_value(json_array_get(p, 1)), "org.example.pool");

	text = peer_ask(&t->peer, "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
				  "\"parameters\":{\"interface\":\"org.example.pool\"}}");
	p = json_object_get(text, "parameters");
	assert_string_equal(json_get_string(p, "description"), "interface org.example.pool\n");
}

static void server_own_interface_is_what_its_file_says(void **state)
{
	struct error err = {0};

	if (idl_check(&service_interface, &err) < 0)
		fail_msg("%s", err.text);
}

static void server_description_of_nothing_is_refused(void **state)
{
	struct table *t = *state;

	peer_say(&t->peer, "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
			   "\"parameters\":{\"interface\":\"org.example\"}}");
	peer_assert_hears(&t->peer, "{\"error\":\"org.varlink.service.InterfaceNotFound\","
				    "\"parameters\":{\"interface\":\"org.example\"}}");
	peer_say(&t->peer, "{\"method\":\"org.varlink.service.GetInterfaceDescription\"}");
	peer_assert_hears(&t->peer, "{\"error\":\"org.varlink.service.InvalidParameter\","
				    "\"parameters\":{\"parameter\":\"interface\"}}");
}

static void server_oneway_call_is_carried_out_and_not_answered(void **state)
{
	struct table *t = *state;

	peer_say(&t->peer, "{\"method\":\"org.example.pool.Note\",\"oneway\":true}");
	peer_say(&t->peer, "{\"method\":\"org.example.pool.Fail\",\"oneway\":true}");
	peer_say(&t->peer, "{\"method\":\"org.example.none.At\",\"oneway\":true}");
	peer_say(&t->peer,
		 "{\"method\":\"org.example.pool.Stream\",\"oneway\":true,\"more\":true}");
	peer_say(&t->peer, CALL_WITH("Echo", "{\"last\":1}"));
	peer_assert_hears(&t->peer, "{\"parameters\":{\"last\":1}}");
	assert_int_equal(stat_of(t, "noted"), 1);
}

static void server_pipelined_calls_are_answered_in_order(void **state)
{
	struct table *t = *state;
	char text[100];

	for (int i = 0; i < 1000; i++) {
		(void)snprintf(text, sizeof(text), CALL_WITH("Echo", "{\"i\":%d}"), i);
		peer_say(&t->peer, text);
	}
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(text, sizeof(text), "{\"parameters\":{\"i\":%d}}", i);
		peer_assert_hears(&t->peer, text);
	}
}

static void server_call_answered_later_holds_back_the_following(void **state)
{
	cleanup_peer struct peer other;
	struct table *t = *state;

	peer_connect(&other, t->pool.path);
	peer_say(&t->peer, CALL("Hold"));
	peer_say(&t->peer, CALL_WITH("Echo", "{\"behind\":1}"));
	peer_say(&t->peer, CALL("Hold"));
	assert_int_equal(stat_of(t, "echoed"), 0);
	peer_say(&other, CALL("Release"));
	peer_assert_hears(&other, "{\"parameters\":{\"released\":1}}");
	peer_assert_hears(&t->peer, "{\"parameters\":{\"held\":0}}");
	peer_assert_hears(&t->peer, "{\"parameters\":{\"behind\":1}}");
	assert_false(peer_hears(&t->peer, 0));
	peer_say(&other, CALL("Release"));
	peer_assert_hears(&t->peer, "{\"parameters\":{\"held\":0}}");
}

static void server_streams_as_many_answers_as_asked_for(void **state)
{
	struct table *t = *state;
	cleanup_json json_t *refused = NULL;

	peer_say(&t->peer, "{\"method\":\"org.example.pool.Stream\",\"more\":true,"
			   "\"parameters\":{\"n\":5}}");
	for (uint64_t i = 0; i < 5; i++) {
		cleanup_json json_t *reply = peer_hear(&t->peer);

		assert_int_equal(json_get_uint(json_object_get(reply, "parameters"), "i", 99), i);
		assert_int_equal(json_get_bool(reply, "continues", false), i < 4);
	}
	refused = peer_ask(&t->peer, CALL_WITH("Stream", "{\"n\":5}"));
	assert_string_equal(json_get_string(refused, "error"), "org.varlink.service.ExpectedMore");
}

static void server_answers_written_as_text_are_answers(void **state)
{
	struct table *t = *state;
	cleanup_json json_t *failed = NULL;

	peer_say(&t->peer, CALL_WITH("Recite", "{\"a\":[1,2]}"));
	peer_assert_hears(&t->peer, "{\"parameters\":{\"a\":[1,2]}}");
	peer_say(&t->peer, "{\"method\":\"org.example.pool.Recite\",\"more\":true,"
			   "\"parameters\":{\"b\":\"c\"}}");
	peer_assert_hears(&t->peer, "{\"parameters\":{\"b\":\"c\"},\"continues\":true}");
	peer_assert_hears(&t->peer, "{\"parameters\":{\"b\":\"c\"}}");
	failed = peer_ask(&t->peer, CALL("Recite"));
	assert_string_equal(json_get_string(failed, "error"), "org.example.pool.Failed");
}

static void server_answer_that_nobody_asked_for_is_not_sent(void **state)
{
	struct table *t = *state;

	peer_say(&t->peer, CALL_WITH("Flood", "{\"n\":3}"));
	assert_int_equal(stat_of(t, "noted"), 0);
	assert_false(peer_hears(&t->peer, 0));
}

static void server_reader_may_read_only(void **state)
{
	struct table *t = *state;
	char expected[300];

	peer_say(&t->peer, CALL("Echo"));
	peer_assert_hears(&t->peer, "{\"parameters\":{}}");
	(void)snprintf(expected, sizeof(expected),
		       "{\"error\":\"org.varlink.service.PermissionDenied\",\"parameters\":"
		       "{\"message\":\"uid %u may not call \\\"org.example.pool.Operate\\\": "
		       "it needs the role operate and has read\"}}",
		       getuid());
	peer_say(&t->peer, CALL("Operate"));
	peer_assert_hears(&t->peer, expected);
	assert_int_equal(stat_of(t, "noted"), 0);
}

static void server_stranger_may_ask_who_is_there(void **state)
{
	static const char *const refused[] = {CALL("Echo"), CALL("Operate"), CALL("Administer"),
					      CALL("Planned")};
	struct table *t = *state;
	cleanup_json json_t *info = NULL;

	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		cleanup_json json_t *reply = peer_ask(&t->peer, refused[i]);

		assert_string_equal(json_get_string(reply, "error"),
				    "org.varlink.service.PermissionDenied");
	}
	info = peer_ask(&t->peer, "{\"method\":\"org.varlink.service.GetInfo\"}");
	assert_null(json_get_string(info, "error"));
}

static void server_stranger_with_a_long_message_is_hung_up_on(void **state)
{
	static char text[100000];
	struct table *t = *state;

	memset(text, ' ', sizeof(text));
	(void)peer_say_some(&t->peer, text, sizeof(text));
	peer_assert_ended(&t->peer);
}

static void server_own_uid_is_admin_by_default(void **state)
{
	struct table *t = *state;

	peer_say(&t->peer, CALL("Administer"));
	peer_assert_hears(&t->peer, "{\"parameters\":{}}");
}

static void server_peer_that_talks_nonsense_is_hung_up_on(void **state)
{
	static const char *const nonsense[] = {"",   "GET / HTTP/1.1\r\n\r\n", "[]",
					       "{}", "{\"method\":7}",         "\xff\xfe"};
	struct table *t = *state;

	for (size_t i = 0; i < ARRAY_LEN(nonsense); i++) {
		cleanup_peer struct peer peer;

		peer_connect(&peer, t->pool.path);
		peer_say(&peer, CALL_WITH("Echo", "{\"before\":1}"));
		peer_say(&peer, nonsense[i]);
		(void)send(peer.fd, CALL("Note"), sizeof(CALL("Note")), MSG_NOSIGNAL);
		peer_assert_hears(&peer, "{\"parameters\":{\"before\":1}}");
		peer_assert_ended(&peer);
	}
	assert_int_equal(stat_of(t, "noted"), 0);
}

static void server_answer_too_long_becomes_an_error(void **state)
{
	cleanup_json json_t *reply = NULL;
	struct table *t = *state;

	reply = peer_ask(&t->peer, CALL("TooMuch"));
	assert_string_equal(json_get_string(reply, "error"), "org.example.pool.Failed");
	assert_non_null(strstr(json_get_string(json_object_get(reply, "parameters"), "message"),
			       "longer than 16M"));
	peer_say(&t->peer, CALL("Echo"));
	peer_assert_hears(&t->peer, "{\"parameters\":{}}");
}

static void server_one_of_several_answers_too_long_ends_the_connection(void **state)
{
	struct table *t = *state;

	peer_say(&t->peer, "{\"method\":\"org.example.pool.TooMuch\",\"more\":true}");
	peer_assert_ended(&t->peer);
	assert_int_equal(stat_of(t, "gone"), 1);
}

static void server_message_of_megabytes_is_taken(void **state)
{
	static const char head[] = "{\"method\":\"org.example.pool.Echo\",\"parameters\":{\"x\":\"";
	static char text[8000000];
	cleanup_json json_t *reply = NULL;
	struct table *t = *state;

	memset(text, 'x', sizeof(text));
	memcpy(text, head, sizeof(head) - 1);
	memcpy(text + sizeof(text) - 4, "\"}}", 4);
	reply = peer_ask(&t->peer, text);
	assert_int_equal(
		json_string_length(json_object_get(json_object_get(reply, "parameters"), "x")),
		sizeof(text) - sizeof(head) - 3);
}

static void server_connection_over_the_limit_is_closed(void **state)
{
	struct table *t = *state;
	struct peer *peers = calloc(VARLINK_CONNECTIONS_MAX, sizeof(*peers));

	assert_non_null(peers);
	for (size_t i = 1; i < VARLINK_CONNECTIONS_MAX; i++) {
		peer_connect(&peers[i], t->pool.path);
		peer_say(&peers[i], CALL("Echo"));
		peer_assert_hears(&peers[i], "{\"parameters\":{}}");
	}
	peer_connect(&peers[0], t->pool.path);
	peer_assert_ended(&peers[0]);
	for (size_t i = 0; i < VARLINK_CONNECTIONS_MAX; i++)
		peer_done(&peers[i]);
	free(peers);

	/* This call is behind all those ends, and so is the next connection. */
	peer_say(&t->peer, CALL("Echo"));
	peer_assert_hears(&t->peer, "{\"parameters\":{}}");
	assert_int_equal(stat_of(t, "echoed"), VARLINK_CONNECTIONS_MAX);
}

static void server_without_descriptors_serves_one_and_who_waited_later(void **state)
{
	cleanup_peer struct peer lucky;
	cleanup_peer struct peer waiting;
	cleanup_peer struct peer last;
	struct table *t = *state;
	uint64_t before = stat_of(t, "accepts");
	cleanup_json json_t *stats = NULL;

	peer_say(&t->peer, CALL_WITH("Starve", "{\"on\":true}"));
	peer_assert_hears(&t->peer, "{\"parameters\":{}}");
	peer_connect(&lucky, t->pool.path);
	peer_say(&lucky, CALL_WITH("Echo", "{\"at\":\"first\"}"));
	peer_assert_hears(&lucky, "{\"parameters\":{\"at\":\"first\"}}");
	peer_connect(&waiting, t->pool.path);
	peer_say(&waiting, CALL_WITH("Echo", "{\"at\":\"second\"}"));
	for (int i = 0; i < 1000; i++) {
		peer_say(&t->peer, CALL("Echo"));
		peer_assert_hears(&t->peer, "{\"parameters\":{}}");
	}
	assert_false(peer_hears(&waiting, 0));

	/* It tries now and then, not whenever the loop turns. */
	stats = peer_ask(&t->peer, CALL("Stats"));
	assert_true(json_get_uint(json_object_get(stats, "parameters"), "accepts", 0) <
		    before + 500);
	/* What one caller leaves is for the next. */
	peer_done(&lucky);
	peer_assert_hears(&waiting, "{\"parameters\":{\"at\":\"second\"}}");

	peer_connect(&last, t->pool.path);
	peer_say(&last, CALL_WITH("Echo", "{\"at\":\"last\"}"));
	peer_say(&t->peer, CALL_WITH("Starve", "{\"on\":false}"));
	peer_assert_hears(&t->peer, "{\"parameters\":{}}");
	peer_assert_hears(&last, "{\"parameters\":{\"at\":\"last\"}}");
}

#define pool_test(fn, setup) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		pool_test(server_call_is_answered, setup),
		pool_test(server_caller_is_known_by_its_credentials, setup),
		pool_test(server_failure_is_answered_with_its_name_and_text, setup),
		pool_test(server_unknown_method_is_named, setup),
		pool_test(server_describes_itself, setup),
		cmocka_unit_test(server_own_interface_is_what_its_file_says),
		pool_test(server_description_of_nothing_is_refused, setup),
		pool_test(server_oneway_call_is_carried_out_and_not_answered, setup),
		pool_test(server_pipelined_calls_are_answered_in_order, setup),
		pool_test(server_call_answered_later_holds_back_the_following, setup),
		pool_test(server_streams_as_many_answers_as_asked_for, setup),
		pool_test(server_answers_written_as_text_are_answers, setup),
		pool_test(server_answer_that_nobody_asked_for_is_not_sent, setup),
		pool_test(server_reader_may_read_only, setup_reader),
		pool_test(server_stranger_may_ask_who_is_there, setup_stranger),
		pool_test(server_stranger_with_a_long_message_is_hung_up_on, setup_stranger),
		pool_test(server_own_uid_is_admin_by_default, setup_default_role),
		pool_test(server_peer_that_talks_nonsense_is_hung_up_on, setup),
		pool_test(server_answer_too_long_becomes_an_error, setup),
		pool_test(server_one_of_several_answers_too_long_ends_the_connection, setup),
		pool_test(server_message_of_megabytes_is_taken, setup),
		pool_test(server_connection_over_the_limit_is_closed, setup),
		pool_test(server_without_descriptors_serves_one_and_who_waited_later, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
