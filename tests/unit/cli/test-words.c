/* SPDX-License-Identifier: MIT */
#include "cli/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/json.h"
#include "lib/text.h"

static void duration_below_ten_seconds_has_tenths_or_milliseconds(void **state)
{
	static const struct {
		usec_t usec;
		const char *words;
	} rows[] = {
		{0, "0ms"},
		{99 * USEC_PER_MSEC, "99ms"},
		{100 * USEC_PER_MSEC, "0.1s"},
		{2199 * USEC_PER_MSEC, "2.1s"},
		{9999 * USEC_PER_MSEC, "9.9s"},
		{10 * USEC_PER_SEC, "10s"},
		{252 * USEC_PER_SEC, "4m12s"},
		{51 * USEC_PER_HOUR, "2d3h"},
	};
	char buf[WORDS_MAX];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(words_duration(rows[i].usec, buf), rows[i].words);
}

static void ordinal_knows_its_ends(void **state)
{
	static const struct {
		uint64_t n;
		const char *words;
	} rows[] = {
		{1, "first"},
		{3, "third"},
		{10, "tenth"},
		{11, "11th"},
		{12, "12th"},
		{13, "13th"},
		{21, "21st"},
		{22, "22nd"},
		{33, "33rd"},
		{44, "44th"},
		{101, "101st"},
		{111, "111th"},
		{UINT64_MAX, "18446744073709551615th"},
	};
	char buf[WORDS_MAX];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(words_ordinal(rows[i].n, buf), rows[i].words);
}

static void plural_only_one_is_singular(void **state)
{
	char buf[WORDS_MAX];

	assert_string_equal(words_plural(0, "process", "processes", buf), "0 processes");
	assert_string_equal(words_plural(1, "process", "processes", buf), "1 process");
	assert_string_equal(words_plural(4, "process", "processes", buf), "4 processes");
}

static void exit_is_named_after_its_cause(void **state)
{
	static const struct {
		const char *exit;
		const char *words;
	} rows[] = {
		{"{\"cause\": \"exit\", \"code\": 1}", "exit 1"},
		{"{\"cause\": \"signal\", \"signal\": \"SIGSEGV\"}", "SIGSEGV"},
		{"{\"cause\": \"signal\"}", "signal"},
		{"{\"cause\": \"oom\", \"signal\": \"SIGKILL\"}", "oom"},
		{"{\"cause\": \"not-ready\"}", "not-ready"},
		{"{}", "unknown"},
	};
	char buf[WORDS_MAX];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cleanup_json json_t *exit = json_loads(rows[i].exit, 0, NULL);

		assert_string_equal(words_exit(exit, buf), rows[i].words);
	}
}

static void lists_are_joined(void **state)
{
	cleanup_json json_t *names = json_pack("[s, s]", "db", "site");
	cleanup_json json_t *ports = json_pack("[i, i]", 80, 443);
	cleanup_json json_t *none = json_array();
	cleanup_text struct text out = {0};

	words_list(&out, names);
	text_add(&out, "|");
	words_ports(&out, ports);
	text_add(&out, "|");
	words_ports(&out, none);
	text_add(&out, "|");
	words_ports(&out, NULL);
	assert_string_equal(out.data, "db, site|80 443|-|-");
}

static void words_are_quoted_where_a_shell_needs_it(void **state)
{
	cleanup_text struct text out = {0};

	words_add_quoted(&out, "a-b.C:9/x");
	text_add(&out, " ");
	words_add_quoted(&out, "it's $HOME");
	text_add(&out, " ");
	words_add_quoted(&out, "");
	assert_string_equal(out.data, "a-b.C:9/x 'it'\\''s $HOME' ''");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_quoted_where_a_shell_needs_it),
		cmocka_unit_test(duration_below_ten_seconds_has_tenths_or_milliseconds),
		cmocka_unit_test(ordinal_knows_its_ends),
		cmocka_unit_test(plural_only_one_is_singular),
		cmocka_unit_test(exit_is_named_after_its_cause),
		cmocka_unit_test(lists_are_joined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
