/* SPDX-License-Identifier: MIT */

/*
 * JSON that is written must be read by jansson, and say what was meant.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/json-write.h"
#include "lib/json.h"
#include "lib/text.h"

static void json_write_members_and_elements_have_commas_between_them(void **state unused)
{
	cleanup_text struct text t = {0};

	json_write_open(&t, NULL, '{');
	json_write_uint(&t, "n", 0);
	json_write_open(&t, "list", '[');
	json_write_string(&t, NULL, "a");
	json_write_uint(&t, NULL, 12);
	json_write_open(&t, NULL, '{');
	json_write_close(&t, '}');
	json_write_open(&t, NULL, '[');
	json_write_close(&t, ']');
	json_write_close(&t, ']');
	json_write_bool(&t, "yes", true);
	json_write_bool(&t, "no", false);
	json_write_json(&t, "other", "{\"x\":1}");
	json_write_close(&t, '}');
	assert_string_equal(t.data, "{\"n\":0,\"list\":[\"a\",12,{},[]],\"yes\":true,\"no\":false,"
				    "\"other\":{\"x\":1}}");
}

static void json_write_null_is_absent(void **state unused)
{
	cleanup_text struct text t = {0};

	json_write_open(&t, NULL, '{');
	json_write_string(&t, "s", NULL);
	json_write_json(&t, "j", NULL);
	json_write_string(&t, "empty", "");
	json_write_close(&t, '}');
	assert_string_equal(t.data, "{\"empty\":\"\"}");
}

static void json_write_numbers_keep_their_digits(void **state unused)
{
	cleanup_text struct text t = {0};

	json_write_uint(&t, NULL, 1795264283027591);
	json_write_open(&t, NULL, '[');
	json_write_uint(&t, NULL, INT64_MAX);
	json_write_uint(&t, NULL, UINT64_MAX);
	json_write_close(&t, ']');
	assert_string_equal(t.data, "1795264283027591,[9223372036854775807,9223372036854775807]");
}

/* Reads back what json_write_string() made of @s; it must be what json_text() makes of it. */
static void assert_reads_as_json_text(const char *s)
{
	cleanup_text struct text t = {0};
	cleanup_json json_t *expected = json_text(s, strlen(s));
	cleanup_json json_t *read = NULL;

	json_write_string(&t, NULL, s);
	read = json_loads(t.data, JSON_DECODE_ANY, NULL);
	assert_non_null(read);
	assert_true(json_equal(read, expected));
}

static void json_write_any_bytes_are_readable(void **state unused)
{
	char pair[3] = "";

	assert_reads_as_json_text("plain");
	assert_reads_as_json_text("a \"quoted\" back\\slash\tand\nlines\x1b[31m\x7f");
	assert_reads_as_json_text("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x8e\x89");
	assert_reads_as_json_text("cut \xe2\x82");
	assert_reads_as_json_text("\xed\xa0\x80 \xc0\xaf \xff");
	for (unsigned a = 1; a < 256; a++) {
		for (unsigned b = 0; b < 256; b++) {
			pair[0] = (char)a;
			pair[1] = (char)b;
			assert_reads_as_json_text(pair);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_write_members_and_elements_have_commas_between_them),
		cmocka_unit_test(json_write_null_is_absent),
		cmocka_unit_test(json_write_numbers_keep_their_digits),
		cmocka_unit_test(json_write_any_bytes_are_readable),
	};

	return cmocka_run_group_tests_name("json-write", tests, NULL, NULL);
}
