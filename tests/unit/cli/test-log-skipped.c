/* SPDX-License-Identifier: MIT */
#include "cli/log-skipped.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/json.h"
#include "lib/text.h"

static const struct style plain = {0};

static json_t *gap_answer(int n_lines)
{
	return json_pack("{s:[], s:i, s:i, s:s, s:I, s:s}", "lines", "skipped_lines", n_lines,
			 "skipped_bytes", 99, "skipped_from", "1 shop.0.out:7:8:9",
			 "skipped_until_at_usec", (json_int_t)1795232340123456, "cursor", "1");
}

static void skipped_lines_come_with_the_command_that_shows_them(void **state)
{
	cleanup_json json_t *many = gap_answer(12345);
	cleanup_json json_t *one = gap_answer(1);
	cleanup_text struct text out = {0};

	log_skipped_add(&out, many, "cli log shop", &plain);
	assert_string_equal(out.data, "-- 12345 lines skipped: cli log shop --cursor '1 "
				      "shop.0.out:7:8:9' --until 2026-11-21T03:39:00.123456Z shows "
				      "them\n");
	text_done(&out);
	log_skipped_add(&out, one, "cli log", &plain);
	assert_true(text_starts(out.data, "-- 1 line skipped: cli log --cursor "));
}

static void skipped_nothing_says_nothing(void **state)
{
	cleanup_json json_t *reply = json_pack("{s:[], s:s}", "lines", "cursor", "1");
	cleanup_text struct text out = {0};

	log_skipped_add(&out, reply, "cli log", &plain);
	log_skipped_add_json(&out, reply);
	assert_int_equal(out.len, 0);
}

static void skipped_bytes_of_retention_are_told(void **state)
{
	cleanup_json json_t *reply = json_pack("{s:[], s:i}", "lines", "skipped", 77);
	cleanup_text struct text out = {0};

	log_skipped_add(&out, reply, "cli log", &plain);
	assert_string_equal(out.data, "-- 77 bytes were deleted before they could be shown\n");
}

static void skipped_lines_for_programs_are_one_object(void **state)
{
	cleanup_json json_t *reply = gap_answer(3);
	cleanup_json json_t *object = NULL;
	cleanup_text struct text out = {0};

	log_skipped_add_json(&out, reply);
	object = json_loads(out.data, 0, NULL);
	assert_int_equal(json_object_size(object), 4);
	assert_int_equal(json_get_uint(object, "skipped_lines", 0), 3);
	assert_string_equal(json_get_string(object, "skipped_from"), "1 shop.0.out:7:8:9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(skipped_lines_come_with_the_command_that_shows_them),
		cmocka_unit_test(skipped_nothing_says_nothing),
		cmocka_unit_test(skipped_bytes_of_retention_are_told),
		cmocka_unit_test(skipped_lines_for_programs_are_one_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
