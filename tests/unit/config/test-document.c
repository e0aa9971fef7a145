/* SPDX-License-Identifier: MIT */
#include "config/document.h"
#include "config/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/load.h"
#include "lib/error.h"
#include "lib/text.h"

/* What is said about bytes that are no config. */
static const char *error_of(const char *bytes, size_t len, int code)
{
	static struct error err;
	struct document d = {.file = "c.json", .text = bytes, .len = len, .err = &err};

	err = (struct error){0};
	assert_int_equal(document_read(&d), code);
	assert_int_equal(err.code, code);
	document_done(&d);
	return err.text;
}

#define assert_refused(bytes, said) \
	assert_string_equal(error_of(bytes, sizeof(bytes) - 1, -EINVAL), said)

static void text_that_is_no_json_is_named_with_its_line(void **state)
{
	assert_refused("{\n\"a\": 1,\n}",
		       "c.json:3: not valid JSON: string or '}' expected near '}'");
	assert_refused("{\n\"a\": 01}", "c.json:2: not valid JSON: invalid token near '0'");
	assert_refused("hello", "c.json:1: not valid JSON: invalid token near 'hello'");
	assert_refused("{} x", "c.json:1: not valid JSON: end of file expected near 'x'");
	assert_refused("{'a': 1}", "c.json:1: not valid JSON: string or '}' expected near '''");
}

static void key_that_is_there_twice_is_refused(void **state)
{
	assert_refused("{\"a\": {\"b\": 1,\n \"b\": 2}}",
		       "c.json:2: a key is there twice: duplicate object key near '\"b\"'");
}

static void empty_file_says_what_to_write(void **state)
{
	assert_refused("", "c.json:1: empty: write at least {\"processes\": {}}");
}

static void top_that_is_no_object_is_refused(void **state)
{
	assert_refused("[]", "c.json:1: must hold one JSON object: {\"processes\": {…}}");
	assert_refused("7", "c.json:1: must hold one JSON object: {\"processes\": {…}}");
	assert_refused("null", "c.json:1: must hold one JSON object: {\"processes\": {…}}");
}

static void invalid_utf8_is_named_with_its_line(void **state)
{
	assert_refused("{\n\"a\":\n\"\xff\"}", "c.json:3: not valid UTF-8: save the file in UTF-8");
	assert_refused("{\"a\": \"\xc3\n\xa9\"}",
		       "c.json:1: not valid UTF-8: save the file in UTF-8");
	assert_refused("{\"\xed\xa0\x80\": 1}",
		       "c.json:1: not valid UTF-8: save the file in UTF-8");
}

static void nul_byte_is_refused(void **state)
{
	assert_refused("{\n\"a\0\": 1}", "c.json:2: a NUL byte: not a text file");
	assert_refused("{\"a\\u0000\": 1}",
		       "c.json:1: \\u0000 in a text: no program can be given that");
	assert_refused("{\n\"a\": \"\\u0000\"}",
		       "c.json:2: \\u0000 in a text: no program can be given that");
}

static void byte_order_mark_is_refused(void **state)
{
	assert_refused("\xef\xbb\xbf{}",
		       "c.json:1: begins with a byte order mark: save it as UTF-8 without one");
}

static void nesting_has_an_end(void **state)
{
	char deep[200] = "{\"a\":\n";
	size_t n = strlen(deep);

	memset(deep + n, '[', 32);
	memset(deep + n + 32, ']', 32);
	deep[n + 64] = '}';
	assert_string_equal(error_of(deep, n + 65, -EINVAL),
			    "c.json:2: nested too deep: 32 levels are the most");
	memset(deep + n, '[', 31);
	memset(deep + n + 31, ']', 31);
	deep[n + 62] = '}';
	{
		struct document d = {.file = "c.json", .text = deep, .len = n + 63};

		assert_int_equal(document_read(&d), 0);
		document_done(&d);
	}
}

static void very_deep_nesting_is_refused_by_the_reader(void **state)
{
	cleanup_text struct text t = {0};

	for (int i = 0; i < 100000; i++)
		text_add(&t, "[");
	assert_string_equal(error_of(t.data, t.len, -EINVAL),
			    "c.json:1: not valid JSON: maximum parsing depth reached near '['");
}

static void brackets_in_strings_are_no_nesting(void **state)
{
	static const char text[] = "{\"a\": \"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[\"}";
	struct document d = {.file = "c.json", .text = text, .len = sizeof(text) - 1};

	assert_int_equal(document_read(&d), 0);
	document_done(&d);
}

static void file_of_ten_megabytes_is_refused(void **state)
{
	cleanup_text struct text t = {0};

	while (t.len < 10 * 1024 * 1024)
		text_add(&t, "                                                                ");
	assert_string_equal(error_of(t.data, t.len, -EFBIG),
			    "c.json: larger than 4 MB: not a config file");
}

static void complaint_escapes_what_a_terminal_would_obey(void **state)
{
	struct error err = {0};
	static const char text[] = "{}";
	struct document d = {.file = "c.json", .text = text, .len = 2, .err = &err};
	struct place w = {0};

	assert_int_equal(document_read(&d), 0);
	assert_int_equal(document_fail(&d, &w, "'%s'", "\x1b[31m\n"), -EINVAL);
	assert_string_equal(err.text, "c.json:1: '\\x1b[31m\\x0a'");
	document_done(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_that_is_no_json_is_named_with_its_line),
		cmocka_unit_test(key_that_is_there_twice_is_refused),
		cmocka_unit_test(empty_file_says_what_to_write),
		cmocka_unit_test(top_that_is_no_object_is_refused),
		cmocka_unit_test(invalid_utf8_is_named_with_its_line),
		cmocka_unit_test(nul_byte_is_refused),
		cmocka_unit_test(byte_order_mark_is_refused),
		cmocka_unit_test(nesting_has_an_end),
		cmocka_unit_test(very_deep_nesting_is_refused_by_the_reader),
		cmocka_unit_test(brackets_in_strings_are_no_nesting),
		cmocka_unit_test(file_of_ten_megabytes_is_refused),
		cmocka_unit_test(complaint_escapes_what_a_terminal_would_obey),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
