/* SPDX-License-Identifier: MIT */
#include "cli/log-line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lib/json.h"
#include "lib/text.h"

static const struct style plain;
static const struct style terminal = {.terminal = true};
static const struct style coloured = {.terminal = true, .colour = true};

#define AT "\"at_usec\": 1795232340123456"
#define HEAD "{\"service\": \"shop\", \"instance\": 1, \"stream\": \"out\", \"life\": 7, " AT

static char *shown(const char *line, const struct style *style)
{
	cleanup_json json_t *object = json_loads(line, JSON_ALLOW_NUL, NULL);
	cleanup_text struct text out = {0};

	assert_non_null(object);
	log_line_add(&out, object, style);
	return text_take(&out);
}

static void check(const char *line, const struct style *style, const char *expected)
{
	cleanup_free char *s = shown(line, style);

	assert_string_equal(s, expected);
}

static void line_in_a_pipe_has_utc_to_the_microsecond(void **state)
{
	check(HEAD ", \"text\": \"the line\"}", &plain,
	      "2026-11-21T03:39:00.123456Z shop.1 out the line\n");
}

static void line_on_a_terminal_has_the_local_time(void **state)
{
	check(HEAD ", \"text\": \"the line\"}", &terminal,
	      "2026-11-21 01:39:00.123 shop.1 out the line\n");
}

static void line_that_is_no_utf8_shows_its_bytes(void **state)
{
	check(HEAD ", \"text\": \"a\\ufffdb\\ufffdc\", \"raw\": \"YQBi/2M=\"}", &plain,
	      "2026-11-21T03:39:00.123456Z shop.1 out a\\x00b\\xffc\n");
}

static void line_cannot_fake_a_second_one(void **state)
{
	check(HEAD ", \"text\": \"a\\nb\\r\\u001b[2Jc\\td\"}", &terminal,
	      "2026-11-21 01:39:00.123 shop.1 out a\\x0ab\\x0d\\x1b[2Jc\td\n");
}

static void line_keeps_its_colours_on_a_terminal_only(void **state)
{
	cleanup_free char *s = shown(HEAD ", \"text\": \"\\u001b[31mred\"}", &coloured);

	assert_non_null(strstr(s, "\x1b[31mred\x1b[0m\n"));
	check(HEAD ", \"text\": \"\\u001b[31mred\"}", &plain,
	      "2026-11-21T03:39:00.123456Z shop.1 out \\x1b[31mred\n");
}

static void line_of_json_is_taken_apart_on_a_terminal(void **state)
{
	static const char line[] =
		HEAD ", \"text\": \"{\\\"level\\\": \\\"warn\\\", \\\"msg\\\": \\\"slow\\\", "
		     "\\\"ms\\\": 17, \\\"path\\\": \\\"/x\\\"}\"}";

	check(line, &terminal, "2026-11-21 01:39:00.123 shop.1 out warn slow ms=17 path=/x\n");
	check(line, &plain,
	      "2026-11-21T03:39:00.123456Z shop.1 out {\"level\": \"warn\", \"msg\": \"slow\", "
	      "\"ms\": 17, \"path\": \"/x\"}\n");
}

static void line_of_json_with_a_number_for_a_level_has_its_name(void **state)
{
	check(HEAD ", \"text\": \"{\\\"level\\\": 50, \\\"msg\\\": \\\"slow\\\"}\"}", &terminal,
	      "2026-11-21 01:39:00.123 shop.1 out error slow\n");
	check(HEAD ", \"text\": \"{\\\"level\\\": 5000, \\\"msg\\\": \\\"slow\\\"}\"}", &terminal,
	      "2026-11-21 01:39:00.123 shop.1 out 5000 slow\n");
}

static void line_that_only_looks_like_json_stays(void **state)
{
	check(HEAD ", \"text\": \"{\\\"a\\\": 1}\"}", &terminal,
	      "2026-11-21 01:39:00.123 shop.1 out {\"a\": 1}\n");
	check(HEAD ", \"text\": \"{oops\"}", &terminal,
	      "2026-11-21 01:39:00.123 shop.1 out {oops\n");
}

static void line_of_a_daemon_loses_its_level_mark_on_a_terminal(void **state)
{
	check(HEAD ", \"text\": \"<4>watch out\"}", &terminal,
	      "2026-11-21 01:39:00.123 shop.1 out watch out\n");
	check(HEAD ", \"text\": \"<4>watch out\"}", &plain,
	      "2026-11-21T03:39:00.123456Z shop.1 out <4>watch out\n");
	check(HEAD ", \"text\": \"<9>x\"}", &terminal, "2026-11-21 01:39:00.123 shop.1 out <9>x\n");
	check(HEAD ", \"text\": \"<\"}", &terminal, "2026-11-21 01:39:00.123 shop.1 out <\n");
}

static void line_that_was_cut_or_follows_a_loss_says_so(void **state)
{
	check(HEAD ", \"text\": \"long\", \"cut\": true}", &plain,
	      "2026-11-21T03:39:00.123456Z shop.1 out long …\n");
	check(HEAD ", \"text\": \"\", \"dropped\": 17}", &plain,
	      "2026-11-21T03:39:00.123456Z shop.1 out  (17 bytes dropped here: the disk was "
	      "full)\n");
	check(HEAD ", \"text\": \"\", \"dropped\": 17, \"damaged\": true}", &plain,
	      "2026-11-21T03:39:00.123456Z shop.1 out  (17 bytes cannot be read: the file is "
	      "damaged)\n");
}

static void event_names_who_did_it(void **state)
{
	cleanup_json json_t *event = json_loads(
		"{\"seq\": 1, " AT ", \"service\": \"shop\", \"instance\": 1, \"kind\": \"start\","
		" \"text\": \"started, pid 7\", \"who\": \"root\"}",
		0, NULL);
	cleanup_json json_t *ours = json_loads(
		"{\"seq\": 1, " AT ", \"kind\": \"config\", \"text\": \"applied\"}", 0, NULL);
	cleanup_text struct text out = {0};

	log_event_add(&out, event, &plain);
	log_event_add(&out, ours, &plain);
	assert_string_equal(out.data,
			    "2026-11-21T03:39:00.123456Z shop.1 event started, pid 7 (root)\n"
			    "2026-11-21T03:39:00.123456Z slicekeep event applied\n");
}

static void event_among_the_lines_looks_like_one(void **state)
{
	check(HEAD ", \"text\": \"<3>exit 1\", \"event\": \"exit\", \"level\": \"error\", "
		   "\"who\": \"root\"}",
	      &plain, "2026-11-21T03:39:00.123456Z shop.1 event <3>exit 1 (root)\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_in_a_pipe_has_utc_to_the_microsecond),
		cmocka_unit_test(line_on_a_terminal_has_the_local_time),
		cmocka_unit_test(line_that_is_no_utf8_shows_its_bytes),
		cmocka_unit_test(line_cannot_fake_a_second_one),
		cmocka_unit_test(line_keeps_its_colours_on_a_terminal_only),
		cmocka_unit_test(line_of_json_is_taken_apart_on_a_terminal),
		cmocka_unit_test(line_of_json_with_a_number_for_a_level_has_its_name),
		cmocka_unit_test(line_that_only_looks_like_json_stays),
		cmocka_unit_test(line_of_a_daemon_loses_its_level_mark_on_a_terminal),
		cmocka_unit_test(line_that_was_cut_or_follows_a_loss_says_so),
		cmocka_unit_test(event_names_who_did_it),
		cmocka_unit_test(event_among_the_lines_looks_like_one),
	};

	setenv("TZ", "XXX2", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
