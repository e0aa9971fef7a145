/* SPDX-License-Identifier: MIT */
#include "lib/error.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "lib/text.h"

static void error_set_records_and_returns_the_code(void **state)
{
	struct error err = {.id = "an.old.One"};

	assert_int_equal(error_set(&err, -ENOENT, "no file \"%s\"", "x"), -ENOENT);
	assert_int_equal(err.code, -ENOENT);
	assert_string_equal(err.text, "no file \"x\"");
	assert_string_equal(err.id, "");
}

static void error_set_without_a_place_returns_the_code(void **state)
{
	assert_int_equal(error_set(NULL, -EINVAL, "x"), -EINVAL);
	assert_int_equal(error_set_id(NULL, -EPERM, "a.B", "x"), -EPERM);
	error_prefix(NULL, "x");
}

static void error_set_id_keeps_the_name_on_the_wire(void **state)
{
	struct error err = {0};

	assert_int_equal(error_set_id(&err, -ESRCH, "io.example.NoSuch", "no %d", 7), -ESRCH);
	assert_string_equal(err.id, "io.example.NoSuch");
	assert_string_equal(err.text, "no 7");
}

static void error_text_may_quote_the_error_itself(void **state)
{
	struct error err = {0};

	error_set(&err, -EINVAL, "inner");
	error_set(&err, -EINVAL, "outer: %s", err.text);
	assert_string_equal(err.text, "outer: inner");
}

static void error_prefix_goes_in_front_and_keeps_code_and_id(void **state)
{
	struct error err = {0};

	error_set_id(&err, -EINVAL, "a.B", "bad");
	error_prefix(&err, "line %d", 3);
	assert_string_equal(err.text, "line 3: bad");
	assert_string_equal(err.id, "a.B");
	assert_int_equal(err.code, -EINVAL);
}

static void error_prefix_of_nothing_does_nothing(void **state)
{
	struct error err = {0};

	error_prefix(&err, "x");
	assert_string_equal(err.text, "");
}

static void error_text_that_is_too_long_ends_in_an_ellipsis(void **state)
{
	char fits[ERROR_TEXT_MAX];
	char longer[ERROR_TEXT_MAX + 1];
	struct error err = {0};

	memset(fits, 'a', sizeof(fits));
	fits[sizeof(fits) - 1] = '\0';
	error_set(&err, -EINVAL, "%s", fits);
	assert_string_equal(err.text, fits);

	memset(longer, 'a', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	error_set(&err, -EINVAL, "%s", longer);
	assert_true(text_ends(err.text, "a…"));
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
}

static void error_text_is_never_cut_inside_a_character(void **state)
{
	for (size_t shift = 0; shift < 4; shift++) {
		char longer[2 * ERROR_TEXT_MAX] = "";
		struct error err = {0};

		memset(longer, 'a', shift);
		for (size_t len = shift; len + 5 < sizeof(longer); len += 4)
			memcpy(longer + len, "😀", 5);
		error_set(&err, -EINVAL, "%s", longer);
		assert_true(text_utf8_valid(err.text, strlen(err.text)));
		assert_true(text_ends(err.text, "…"));
		error_prefix(&err, "%s", longer);
		assert_true(text_utf8_valid(err.text, strlen(err.text)));
	}
}

static void error_prefix_of_a_long_text_keeps_the_prefix(void **state)
{
	char longer[ERROR_TEXT_MAX];
	struct error err = {0};

	memset(longer, 'a', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	error_set(&err, -EINVAL, "%s", longer);
	error_prefix(&err, "here");
	assert_true(text_starts(err.text, "here: aaa"));
	assert_true(text_ends(err.text, "a…"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(error_set_records_and_returns_the_code),
		cmocka_unit_test(error_set_without_a_place_returns_the_code),
		cmocka_unit_test(error_set_id_keeps_the_name_on_the_wire),
		cmocka_unit_test(error_text_may_quote_the_error_itself),
		cmocka_unit_test(error_prefix_goes_in_front_and_keeps_code_and_id),
		cmocka_unit_test(error_prefix_of_nothing_does_nothing),
		cmocka_unit_test(error_text_that_is_too_long_ends_in_an_ellipsis),
		cmocka_unit_test(error_text_is_never_cut_inside_a_character),
		cmocka_unit_test(error_prefix_of_a_long_text_keeps_the_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
