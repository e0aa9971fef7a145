/* SPDX-License-Identifier: MIT */
/*
 * message: what is understood as a call or a reply, what is refused, and what we send.
 */
#include "lib/varlink/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/json.h"

static void assert_sent(json_t *message, const char *expected)
{
	char *text = json_dumps(message, JSON_COMPACT);

	assert_string_equal(text, expected);
	free(text);
	json_decref(message);
}

static void call_complete_is_understood(void **state)
{
	static const char text[] = "{\"method\":\"a.b.C\",\"parameters\":{\"x\":1},"
				   "\"more\":true,\"oneway\":false,\"future\":[]}";
	cleanup_message_call struct message_call c = {0};
	struct error err = {0};

	assert_int_equal(message_call_parse(text, strlen(text), &c, &err), 0);
	assert_string_equal(c.method, "a.b.C");
	assert_int_equal(json_get_uint(c.parameters, "x", 0), 1);
	assert_true(c.more);
	assert_false(c.oneway);
	assert_false(c.upgrade);
}

static void call_without_parameters_has_an_empty_object(void **state)
{
	static const char *const texts[] = {
		"{\"method\":\"a.b.C\"}",
		"{\"method\":\"a.b.C\",\"parameters\":null,\"more\":null}",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		cleanup_message_call struct message_call c = {0};
		struct error err = {0};

		assert_int_equal(message_call_parse(texts[i], strlen(texts[i]), &c, &err), 0);
		assert_true(json_is_object(c.parameters));
		assert_int_equal(json_object_size(c.parameters), 0);
		assert_false(c.more);
	}
}

static void call_malformed_is_refused_with_a_reason(void **state)
{
	static const struct {
		const char *text;
		const char *reason;
	} rows[] = {
		{"", "not JSON"},
		{"{", "not JSON"},
		{"{} x", "not JSON"},
		{"{\"method\":\"a.B\",\"method\":\"a.C\"}", "duplicate"},
		{"{\"method\":\"a.B\\u0000\"}", "not JSON"},
		{"{\"method\":\"\xff\"}", "not JSON"},
		{"[]", "not a JSON object"},
		{"{}", "has no \"method\""},
		{"{\"method\":1}", "\"method\""},
		{"{\"method\":\"\"}", "\"method\""},
		{"{\"method\":\"a.B\",\"parameters\":[]}", "\"parameters\""},
		{"{\"method\":\"a.B\",\"parameters\":\"x\"}", "\"parameters\""},
		{"{\"method\":\"a.B\",\"more\":1}", "\"more\""},
		{"{\"method\":\"a.B\",\"oneway\":\"true\"}", "\"oneway\""},
		{"{\"method\":\"a.B\",\"upgrade\":{}}", "\"upgrade\""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cleanup_message_call struct message_call c = {0};
		struct error err = {0};

		assert_int_equal(message_call_parse(rows[i].text, strlen(rows[i].text), &c, &err),
				 -EBADMSG);
		assert_non_null(strstr(err.text, rows[i].reason));
		assert_null(c.root);
	}
}

static void call_nested_a_million_deep_is_refused(void **state)
{
	cleanup_message_call struct message_call c = {0};
	cleanup_free char *text = malloc(1000001);
	struct error err = {0};

	memset(text, '[', 1000000);
	text[1000000] = '\0';
	assert_int_equal(message_call_parse(text, 1000000, &c, &err), -EBADMSG);
}

static void call_sent_holds_what_was_asked_for_only(void **state)
{
	assert_sent(message_call_new("a.B", NULL, 0), "{\"method\":\"a.B\"}");
	assert_sent(message_call_new("a.B", json_pack("{s:i}", "x", 1), MESSAGE_MORE),
		    "{\"method\":\"a.B\",\"parameters\":{\"x\":1},\"more\":true}");
	assert_sent(message_call_new("a.B", NULL, MESSAGE_ONEWAY),
		    "{\"method\":\"a.B\",\"oneway\":true}");
}

static void reply_complete_is_understood(void **state)
{
	static const char text[] = "{\"parameters\":{\"x\":1},\"continues\":true}";
	cleanup_message_reply struct message_reply r = {0};
	struct error err = {0};

	assert_int_equal(message_reply_parse(text, strlen(text), &r, &err), 0);
	assert_true(r.continues);
	assert_null(r.error);
	assert_int_equal(json_get_uint(r.parameters, "x", 0), 1);
}

static void reply_malformed_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"null",
		"{\"parameters\":1}",
		"{\"continues\":0}",
		"{\"error\":{}}",
		"{\"error\":\"\"}",
		"{\"error\":\"a.B\",\"error\":\"a.B\"}",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		cleanup_message_reply struct message_reply r = {0};
		struct error err = {0};

		assert_int_equal(message_reply_parse(texts[i], strlen(texts[i]), &r, &err),
				 -EBADMSG);
		assert_true(err.text[0] != '\0');
	}
}

static void assert_error_text(const char *reply, const char *id, const char *expected)
{
	cleanup_message_reply struct message_reply r = {0};
	struct error err = {0};

	assert_int_equal(message_reply_parse(reply, strlen(reply), &r, &err), 0);
	assert_int_equal(message_reply_error(&r, &err), -EREMOTEIO);
	assert_int_equal(err.code, -EREMOTEIO);
	assert_string_equal(err.id, id);
	assert_non_null(strstr(err.text, expected));
}

static void reply_error_is_told_in_words(void **state)
{
	assert_error_text("{\"error\":\"a.B\",\"parameters\":{\"message\":\"it broke\"}}", "a.B",
			  "it broke");
	assert_error_text("{\"error\":\"org.varlink.service.InvalidParameter\","
			  "\"parameters\":{\"parameter\":\"limit\"}}",
			  VARLINK_ERROR_INVALID_PARAMETER, "\"limit\"");
	assert_error_text("{\"error\":\"a.B\",\"parameters\":{\"got\":5}}", "a.B", "{\"got\":5}");
	assert_error_text("{\"error\":\"a.B\"}", "a.B", "a.B");
}

static void reply_sent_always_has_parameters(void **state)
{
	assert_sent(message_reply_new(NULL, false), "{\"parameters\":{}}");
	assert_sent(message_reply_new(json_pack("{s:b}", "x", 1), true),
		    "{\"parameters\":{\"x\":true},\"continues\":true}");
	assert_sent(message_error_new("a.B", NULL), "{\"error\":\"a.B\",\"parameters\":{}}");
}

static void assert_parts(bool continues, const char *expected)
{
	struct frames_part parts[MESSAGE_REPLY_PARTS];
	char message[64] = "";

	message_reply_parts("{\"x\":1}", 7, continues, parts);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		strncat(message, parts[i].bytes, parts[i].n);
	assert_string_equal(message, expected);
}

static void reply_in_parts_is_the_same_message(void **state)
{
	assert_parts(false, "{\"parameters\":{\"x\":1}}");
	assert_parts(true, "{\"parameters\":{\"x\":1},\"continues\":true}");
}

static void error_sent_carries_its_text(void **state)
{
	struct error plain = {0}, named = {0}, field = {0};

	error_set(&plain, -EIO, "cannot do it");
	error_set_id(&named, -EIO, "io.example.Broken", "it is broken");
	error_set_id(&field, -EINVAL, VARLINK_ERROR_INVALID_PARAMETER, "limit");
	assert_sent(
		message_error_from("io.example", &plain),
		"{\"error\":\"io.example.Failed\",\"parameters\":{\"message\":\"cannot do it\"}}");
	assert_sent(
		message_error_from("io.example", &named),
		"{\"error\":\"io.example.Broken\",\"parameters\":{\"message\":\"it is broken\"}}");
	assert_sent(message_error_from("io.example", &field),
		    "{\"error\":\"org.varlink.service.InvalidParameter\","
		    "\"parameters\":{\"parameter\":\"limit\"}}");
}

static void error_sent_with_bytes_that_are_no_text_is_still_sent(void **state)
{
	struct error err = {0};

	error_set(&err, -EIO, "cannot open \"\xff\"");
	assert_sent(message_error_from("io.example", &err),
		    "{\"error\":\"io.example.Failed\","
		    "\"parameters\":{\"message\":\"cannot open \\\"\xef\xbf\xbd\\\"\"}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(call_complete_is_understood),
		cmocka_unit_test(call_without_parameters_has_an_empty_object),
		cmocka_unit_test(call_malformed_is_refused_with_a_reason),
		cmocka_unit_test(call_nested_a_million_deep_is_refused),
		cmocka_unit_test(call_sent_holds_what_was_asked_for_only),
		cmocka_unit_test(reply_complete_is_understood),
		cmocka_unit_test(reply_malformed_is_refused),
		cmocka_unit_test(reply_error_is_told_in_words),
		cmocka_unit_test(reply_sent_always_has_parameters),
		cmocka_unit_test(reply_in_parts_is_the_same_message),
		cmocka_unit_test(error_sent_carries_its_text),
		cmocka_unit_test(error_sent_with_bytes_that_are_no_text_is_still_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
