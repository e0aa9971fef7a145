/* SPDX-License-Identifier: MIT */
#include "config/edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/error.h"
#include "lib/json.h"

static json_t *parse(const char *text)
{
	json_t *value = NULL;

	assert_int_equal(edit_parse(text, "test", &value, NULL), 0);
	return value;
}

static void assert_is(const json_t *root, const char *expected)
{
	cleanup_free char *text = json_dumps(root, JSON_COMPACT);

	assert_string_equal(text, expected);
}

static void process_is_found_in_both_dialects(void **state)
{
	cleanup_json json_t *nested = parse("{\"processes\": {\"shop\": {\"a\": 1}}}");
	cleanup_json json_t *flat = parse("{\"shop\": {\"a\": 1}, \"env\": {\"b\": 2}}");

	assert_non_null(edit_find(nested, "shop"));
	assert_non_null(edit_find(flat, "shop"));
	assert_non_null(edit_find(flat, "env"));
	assert_null(edit_find(nested, "db"));
	assert_null(edit_find(flat, "db"));
	assert_null(edit_find(nested, "env"));
}

static void process_takes_the_place_of_the_old_one(void **state)
{
	cleanup_json json_t *root = parse("{\"env\": {}, \"processes\": {\"a\": 1, \"b\": 2}}");

	assert_int_equal(edit_set(root, "a", json_integer(3)), 0);
	assert_int_equal(edit_set(root, "c", json_integer(4)), 0);
	assert_int_equal(edit_set(root, "env", json_pack("{s:i}", "x", 1)), 0);
	assert_is(root, "{\"env\":{\"x\":1},\"processes\":{\"a\":3,\"b\":2,\"c\":4}}");
}

static void process_in_an_empty_file_makes_the_file(void **state)
{
	cleanup_json json_t *root = json_object();
	cleanup_json json_t *hooks = parse("{\"webhooks\": {}}");

	assert_int_equal(edit_set(root, "shop", json_object()), 0);
	assert_is(root, "{\"processes\":{\"shop\":{}}}");
	assert_int_equal(edit_set(hooks, "shop", json_object()), 0);
	assert_is(hooks, "{\"webhooks\":{},\"processes\":{\"shop\":{}}}");
}

static void process_is_deleted_once(void **state)
{
	cleanup_json json_t *root = parse("{\"processes\": {\"a\": 1, \"b\": 2}}");

	assert_int_equal(edit_delete(root, "a"), 0);
	assert_int_equal(edit_delete(root, "a"), -ENOENT);
	assert_int_equal(edit_delete(root, "env"), -ENOENT);
	assert_is(root, "{\"processes\":{\"b\":2}}");
}

static void text_keeps_order_and_numbers(void **state)
{
	cleanup_json json_t *root = parse("{\"z\": 0.1, \"a\": [1, \"ä\"]}");
	cleanup_free char *text = edit_text(root);

	assert_string_equal(text, "{\n  \"z\": 0.1,\n  \"a\": [1, \"ä\"]\n}\n");
}

static void text_has_short_arrays_on_one_line(void **state)
{
	cleanup_json json_t *root = parse("{\"args\": [\"a]\\\"\\\\\", \"[b, \"], \"none\": [], "
					  "\"deep\": [[1, 2], {\"x\": []}],"
					  "\"long\": [\"00000000000000000000000000000000\","
					  "\"11111111111111111111111111111111\", 2]}");
	cleanup_free char *text = edit_text(root);

	assert_string_equal(text, "{\n"
				  "  \"args\": [\"a]\\\"\\\\\", \"[b, \"],\n"
				  "  \"none\": [],\n"
				  "  \"deep\": [\n"
				  "    [1, 2],\n"
				  "    {\n"
				  "      \"x\": []\n"
				  "    }\n"
				  "  ],\n"
				  "  \"long\": [\n"
				  "    \"00000000000000000000000000000000\",\n"
				  "    \"11111111111111111111111111111111\",\n"
				  "    2\n"
				  "  ]\n"
				  "}\n");
}

static void json_that_is_none_is_refused_with_its_place(void **state)
{
	struct error err = {0};
	json_t *value = NULL;

	assert_int_equal(edit_parse("{\"a\": 1,\n \"a\": 2}", "it", &value, &err), -EINVAL);
	assert_non_null(strstr(err.text, "it is no JSON: line 2, column"));
	assert_int_equal(edit_parse("", "it", &value, &err), -EINVAL);
	assert_null(value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(process_is_found_in_both_dialects),
		cmocka_unit_test(process_takes_the_place_of_the_old_one),
		cmocka_unit_test(process_in_an_empty_file_makes_the_file),
		cmocka_unit_test(process_is_deleted_once),
		cmocka_unit_test(text_keeps_order_and_numbers),
		cmocka_unit_test(text_has_short_arrays_on_one_line),
		cmocka_unit_test(json_that_is_none_is_refused_with_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
