/* SPDX-License-Identifier: MIT */
#include "lib/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/error.h"
#include "lib/text.h"

struct target {
	char *string;
	bool truth;
	int64_t number;
	uint64_t count;
	json_t *any;
	json_t *object;
	json_t *array;
};

static const struct json_field fields[] = {
	{"string", JSON_KIND_STRING, offsetof(struct target, string), true},
	{"truth", JSON_KIND_BOOL, offsetof(struct target, truth), false},
	{"number", JSON_KIND_INT, offsetof(struct target, number), false},
	{"count", JSON_KIND_UINT, offsetof(struct target, count), false},
	{"any", JSON_KIND_ANY, offsetof(struct target, any), false},
	{"object", JSON_KIND_OBJECT, offsetof(struct target, object), false},
	{"array", JSON_KIND_ARRAY, offsetof(struct target, array), false},
};

static void target_done(struct target *t)
{
	free(t->string);
	json_decref(t->any);
	json_decref(t->object);
	json_decref(t->array);
}

static int read_text(const char *text, struct target *target, struct error *err)
{
	cleanup_json json_t *object = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	assert_non_null(object);
	return json_read_fields(object, fields, ARRAY_LEN(fields), target, err);
}

static void fields_are_read_by_kind(void **state)
{
	cleanup(target_done) struct target t = {0};

	assert_int_equal(read_text("{\"string\":\"s\",\"truth\":true,\"number\":-5,\"count\":7,"
				   "\"any\":[1],\"object\":{\"a\":1},\"array\":[2],\"more\":1}",
				   &t, NULL),
			 0);
	assert_string_equal(t.string, "s");
	assert_true(t.truth);
	assert_true(t.number == -5);
	assert_true(t.count == 7);
	assert_int_equal(json_array_size(t.any), 1);
	assert_int_equal(json_object_size(t.object), 1);
	assert_int_equal(json_array_size(t.array), 1);
}

static void fields_that_are_absent_or_null_keep_their_value(void **state)
{
	cleanup(target_done) struct target t = {.truth = true, .number = 3, .count = 4};

	assert_int_equal(read_text("{\"string\":\"s\",\"truth\":null,\"count\":null}", &t, NULL),
			 0);
	assert_true(t.truth);
	assert_true(t.number == 3);
	assert_true(t.count == 4);
	assert_null(t.any);
}

static void fields_that_are_read_again_drop_the_old_value(void **state)
{
	cleanup(target_done) struct target t = {0};
	cleanup_json json_t *old = NULL;

	assert_int_equal(read_text("{\"string\":\"s\",\"any\":{}}", &t, NULL), 0);
	old = json_incref(t.any);
	assert_int_equal(read_text("{\"string\":\"s\",\"any\":{}}", &t, NULL), 0);
	assert_ptr_not_equal(t.any, old);
	assert_int_equal(old->refcount, 1);
	assert_int_equal(t.any->refcount, 1);
}

static void fields_of_the_wrong_kind_are_named(void **state)
{
	static const struct {
		const char *text;
		const char *error;
	} rows[] = {
		{"{\"string\":1}", "\"string\" must be a string"},
		{"{\"string\":\"a\\u0000b\"}", "\"string\" must be a string"},
		{"{\"string\":\"\",\"truth\":1}", "\"truth\" must be true or false"},
		{"{\"string\":\"\",\"number\":1.0}", "\"number\" must be a whole number"},
		{"{\"string\":\"\",\"count\":-1}",
		 "\"count\" must be a whole number that is not negative"},
		{"{\"string\":\"\",\"object\":[]}", "\"object\" must be an object"},
		{"{\"string\":\"\",\"array\":{}}", "\"array\" must be an array"},
		{"{}", "\"string\" is missing; it must be a string"},
		{"{\"string\":null}", "\"string\" is missing; it must be a string"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cleanup(target_done) struct target t = {0};
		struct error err = {0};

		assert_int_equal(read_text(rows[i].text, &t, &err), -EINVAL);
		assert_string_equal(err.text, rows[i].error);
		assert_string_equal(err.id, "org.varlink.service.InvalidParameter");
	}
}

static void fields_are_all_stored_or_none(void **state)
{
	cleanup(target_done) struct target t = {.number = 3};

	assert_int_equal(read_text("{\"string\":\"s\",\"number\":4,\"array\":1}", &t, NULL),
			 -EINVAL);
	assert_null(t.string);
	assert_true(t.number == 3);
}

static void fields_of_what_is_no_object_are_refused(void **state)
{
	struct target t = {0};
	struct error err = {0};

	assert_int_equal(read_text("[]", &t, &err), -EINVAL);
	assert_int_equal(err.code, -EINVAL);
	assert_int_equal(json_read_fields(NULL, fields, ARRAY_LEN(fields), &t, &err), -EINVAL);
}

static void members_are_found_or_replaced(void **state)
{
	cleanup_json json_t *j =
		json_pack("{s:s,s:i,s:i,s:b,s:f}", "s", "x", "n", 5, "minus", -5, "b", 1, "f", 1.5);

	assert_string_equal(json_get_string(j, "s"), "x");
	assert_null(json_get_string(j, "n"));
	assert_null(json_get_string(j, "none"));
	assert_null(json_get_string(NULL, "s"));
	assert_true(json_get_uint(j, "n", 9) == 5);
	assert_true(json_get_uint(j, "minus", 9) == 9);
	assert_true(json_get_uint(j, "f", 9) == 9);
	assert_true(json_get_uint(j, "none", UINT64_MAX) == UINT64_MAX);
	assert_true(json_get_bool(j, "b", false));
	assert_true(json_get_bool(j, "n", true));
	assert_false(json_get_bool(NULL, "b", false));
}

static void assert_json_text(const char *s, size_t n, const char *expected)
{
	cleanup_json json_t *j = json_text(s, n);
	cleanup_free char *dumped = NULL;
	cleanup_json json_t *back = NULL;

	assert_non_null(j);
	assert_int_equal(json_string_length(j), strlen(expected));
	assert_string_equal(json_string_value(j), expected);
	dumped = json_dumps(j, JSON_ENCODE_ANY);
	assert_non_null(dumped);
	back = json_loads(dumped, JSON_DECODE_ANY, NULL);
	assert_true(json_equal(j, back));
}

static void json_text_leaves_good_text_alone(void **state)
{
	assert_json_text("", 0, "");
	assert_json_text("aä€😀\n\033", 12, "aä€😀\n\033");
}

static void json_text_replaces_bad_bytes_and_nul(void **state)
{
	assert_json_text("\xff", 1, "\uFFFD");
	assert_json_text("a\xffz", 3, "a\uFFFDz");
	assert_json_text("\xc3", 1, "\uFFFD");
	assert_json_text("\xe2\x82z", 3, "\uFFFD\uFFFDz");
	assert_json_text("a\0b", 3, "a\uFFFDb");
	assert_json_text("\xed\xa0\x80", 3, "\uFFFD\uFFFD\uFFFD");
	assert_json_text("\xff\xfe"
			 "ok",
			 4, "\uFFFD\uFFFDok");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_read_by_kind),
		cmocka_unit_test(fields_that_are_absent_or_null_keep_their_value),
		cmocka_unit_test(fields_that_are_read_again_drop_the_old_value),
		cmocka_unit_test(fields_of_the_wrong_kind_are_named),
		cmocka_unit_test(fields_are_all_stored_or_none),
		cmocka_unit_test(fields_of_what_is_no_object_are_refused),
		cmocka_unit_test(members_are_found_or_replaced),
		cmocka_unit_test(json_text_leaves_good_text_alone),
		cmocka_unit_test(json_text_replaces_bad_bytes_and_nul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
