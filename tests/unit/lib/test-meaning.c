/* SPDX-License-Identifier: MIT */
#include "lib/meaning.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct meaning of(const char *line)
{
	struct meaning m;

	meaning_of(line, strlen(line), &m);
	return m;
}

static void check_level(const char *line, enum severity expected)
{
	assert_int_equal(meaning_severity(line, strlen(line)), expected);
}

static void check_message(const char *line, const char *expected)
{
	struct meaning m = of(line);

	if (expected) {
		assert_non_null(m.message);
		assert_int_equal(m.n_message, strlen(expected));
		assert_memory_equal(m.message, expected, m.n_message);
	} else {
		assert_null(m.message);
	}
	meaning_done(&m);
}

static void severity_has_one_name_that_is_read_again(void **state)
{
	for (int i = SEVERITY_EMERGENCY; i < SEVERITY_UNKNOWN; i++) {
		const char *name = severity_name((enum severity)i);

		assert_non_null(name);
		assert_int_equal(severity_parse(name, strlen(name)), i);
	}
	assert_string_equal(severity_name(SEVERITY_WARNING), "warning");
	assert_null(severity_name(SEVERITY_UNKNOWN));
}

static void severity_is_read_as_loggers_write_it(void **state)
{
	assert_int_equal(severity_parse("WARN", 4), SEVERITY_WARNING);
	assert_int_equal(severity_parse("Fatal", 5), SEVERITY_CRITICAL);
	assert_int_equal(severity_parse("trace", 5), SEVERITY_DEBUG);
	assert_int_equal(severity_parse("errors", 6), SEVERITY_UNKNOWN);
	assert_int_equal(severity_parse("error", 2), SEVERITY_UNKNOWN);
	assert_int_equal(severity_parse("", 0), SEVERITY_UNKNOWN);
}

static void mark_has_the_level(void **state)
{
	check_level("<3>no disk", SEVERITY_ERROR);
	check_level("<0>", SEVERITY_EMERGENCY);
	check_level("<7>details", SEVERITY_DEBUG);
	check_message("<3>no disk", "no disk");
	check_message("<0>", "");
}

static void mark_that_is_none_is_text(void **state)
{
	static const char *const lines[] = {"<",     "<3",     "<>",   "<>x",   "<8>x", "<30>x",
					    "<-1>x", "<html>", "<3 >", " <3>x", ""};

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		check_level(lines[i], SEVERITY_UNKNOWN);
		check_message(lines[i], NULL);
	}
}

static void json_line_has_level_message_and_time(void **state)
{
	struct meaning m = of("{\"time\": \"2026-11-21T03:39:00.5Z\", \"level\": \"WARN\", "
			      "\"msg\": \"slow\", \"ms\": 17}");

	assert_int_equal(m.severity, SEVERITY_WARNING);
	assert_int_equal(m.n_message, 4);
	assert_memory_equal(m.message, "slow", 4);
	assert_string_equal(m.level_key, "level");
	assert_string_equal(m.message_key, "msg");
	assert_string_equal(m.time_key, "time");
	assert_int_equal(json_object_size(m.object), 4);
	meaning_done(&m);
	assert_null(m.object);
}

static void json_level_may_be_a_number(void **state)
{
	check_level("{\"level\": 30, \"msg\": \"pino\"}", SEVERITY_INFO);
	check_level("{\"level\":10}", SEVERITY_DEBUG);
	check_level("{\"level\":60}", SEVERITY_CRITICAL);
	check_level("{\"severity\":4}", SEVERITY_WARNING);
	check_level("{\"level\":9}", SEVERITY_UNKNOWN);
	check_level("{\"level\":70}", SEVERITY_UNKNOWN);
	check_level("{\"level\":-1}", SEVERITY_UNKNOWN);
	check_level("{\"level\":{\"a\":1}}", SEVERITY_UNKNOWN);
}

static void json_time_is_a_text_or_a_number(void **state)
{
	struct meaning m = of("{\"msg\": \"a\", \"ts\": 17.5}");

	assert_string_equal(m.time_key, "ts");
	meaning_done(&m);
	m = of("{\"msg\": \"a\", \"time\": null}");
	assert_null(m.time_key);
	meaning_done(&m);
	m = of("{\"msg\": \"a\", \"time\": {\"s\": 17}}");
	assert_null(m.time_key);
	meaning_done(&m);
}

static void json_that_means_nothing_is_text(void **state)
{
	static const char *const lines[] = {
		"{}",        "{\"a\": 1}",           "{oops", "{\"msg\": 1}", "{",
		"[\"msg\"]", "{\"level\": \"loud\"}"};

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct meaning m = of(lines[i]);

		assert_int_equal(m.severity, SEVERITY_UNKNOWN);
		assert_null(m.object);
		assert_null(m.message);
		assert_null(m.level_key);
	}
}

static void json_message_may_hold_a_nul(void **state)
{
	struct meaning m = of("{\"msg\": \"a\\u0000b\"}");

	assert_int_equal(m.n_message, 3);
	assert_memory_equal(m.message, "a\0b", 3);
	meaning_done(&m);
}

static void logfmt_has_a_level_where_a_word_begins(void **state)
{
	check_level("level=warn msg=\"x y\"", SEVERITY_WARNING);
	check_level("time=10 level=\"error\" a=b", SEVERITY_ERROR);
	check_level("msg=x lvl=dbug level=debug", SEVERITY_DEBUG);
	check_level("a level=", SEVERITY_UNKNOWN);
	check_level("level", SEVERITY_UNKNOWN);
	check_level("sealevel=error", SEVERITY_UNKNOWN);
	check_level("sealevel=error level=info", SEVERITY_INFO);
	check_level("level error", SEVERITY_UNKNOWN);
	check_message("level=warn msg=x", NULL);
}

static void level_in_free_text_is_text(void **state)
{
	check_level("ERROR: no disk", SEVERITY_UNKNOWN);
	check_level("an error", SEVERITY_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(severity_has_one_name_that_is_read_again),
		cmocka_unit_test(severity_is_read_as_loggers_write_it),
		cmocka_unit_test(mark_has_the_level),
		cmocka_unit_test(mark_that_is_none_is_text),
		cmocka_unit_test(json_line_has_level_message_and_time),
		cmocka_unit_test(json_level_may_be_a_number),
		cmocka_unit_test(json_time_is_a_text_or_a_number),
		cmocka_unit_test(json_that_means_nothing_is_text),
		cmocka_unit_test(json_message_may_hold_a_nul),
		cmocka_unit_test(logfmt_has_a_level_where_a_word_begins),
		cmocka_unit_test(level_in_free_text_is_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
