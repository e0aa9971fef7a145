/* SPDX-License-Identifier: MIT */

/*
 * Filters as they come over the wire, and which lines they want.
 */

#include "log/filter.h"

#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/error.h"
#include "log/event.h"
#include "log/pattern.h"

static const struct stream_id shop_out = {.service = "shop", .stream = 1};
static const struct stream_id shop_err = {.service = "shop", .instance = 2, .stream = 2};

static int filter_of(const char *text, struct filter *ret_filter, struct error *err)
{
	json_t *object = json_loads(text, 0, NULL);
	int r;

	assert_non_null(object);
	r = filter_read(object, ret_filter, err);
	json_decref(object);
	return r;
}

static struct filter filter_good(const char *text)
{
	struct filter f;
	struct error err = {0};

	assert_int_equal(filter_of(text, &f, &err), 0);
	return f;
}

static struct line line_of(const char *text)
{
	return (struct line){.id = &shop_out,
			     .text = text,
			     .n_bytes = strlen(text),
			     .at_usec = 1000,
			     .life = 500};
}

static const struct stream_id supervisor = {.service = "supervisor", .stream = INTAKE_STREAM_EVENT};

/* An event about shop, instance 2. */
static struct line event_line(const struct event *e, const char *text)
{
	struct line line = line_of(text);

	line.id = &e->about;
	line.writer = &supervisor;
	line.event = e;
	return line;
}

static const struct event shop_event = {
	.about = {.service = "shop", .instance = 2, .stream = INTAKE_STREAM_EVENT},
	.level = SEVERITY_WARNING,
};

static bool filter_wants_event(const char *filter)
{
	struct filter f = filter_good(filter);
	struct line line = event_line(&shop_event, "exit 1 after 2s");
	bool wants = filter_wants_stream(&f, &supervisor) && filter_wants_line(&f, &line);

	filter_done(&f);
	return wants;
}

static void filter_wants_events_about_whom_it_names(void **state)
{
	assert_true(filter_wants_event("{\"names\": []}"));
	assert_true(filter_wants_event("{\"names\": [\"db\", \"shop\"]}"));
	assert_true(filter_wants_event("{\"names\": [\"supervisor\"]}"));
	assert_false(filter_wants_event("{\"names\": [\"db\"]}"));
	assert_true(filter_wants_event("{\"names\": [\"shop\"], \"instance\": 2}"));
	assert_false(filter_wants_event("{\"names\": [\"shop\"], \"instance\": 0}"));
	assert_true(filter_wants_event("{\"names\": [], \"since_life\": 500}"));
	assert_false(filter_wants_event("{\"names\": [], \"since_life\": 501}"));
}

static void filter_wants_events_by_stream_and_level(void **state)
{
	assert_true(filter_wants_event("{\"names\": [], \"streams\": [\"event\"]}"));
	assert_true(filter_wants_event("{\"names\": [], \"streams\": [\"event\", \"out\"]}"));
	assert_false(filter_wants_event("{\"names\": [], \"streams\": [\"out\", \"both\"]}"));
	assert_true(filter_wants_event("{\"names\": [], \"level\": \"warning\"}"));
	assert_false(filter_wants_event("{\"names\": [], \"level\": \"error\"}"));
}

static void filter_looks_for_a_text_in_events_when_told_to(void **state)
{
	assert_false(filter_wants_event("{\"names\": [], \"grep\": \"exit\"}"));
	assert_false(filter_wants_event("{\"names\": [], \"grep\": \"x\", \"fixed\": true}"));
	assert_true(filter_wants_event("{\"names\": [], \"grep\": \"^exit\", \"streams\": "
				       "[\"event\"]}"));
	assert_false(filter_wants_event("{\"names\": [], \"grep\": \"seq\", \"streams\": "
					"[\"event\"]}"));
}

static void filter_without_wishes_wants_all(void **state)
{
	struct filter f = filter_good("{\"names\": []}");
	struct line line = line_of("anything");

	assert_null(f.names);
	assert_true(filter_wants_stream(&f, &shop_out));
	assert_true(filter_wants_stream(&f, &shop_err));
	assert_true(filter_wants_line(&f, &line));
	assert_false(f.has_tail);
	filter_done(&f);
}

static void filter_of_streams_and_instance_picks_them(void **state)
{
	struct filter f = filter_good("{\"names\": [\"shop\"], \"streams\": [\"err\", \"both\"]}");

	assert_string_equal(f.names[0], "shop");
	assert_false(filter_wants_stream(&f, &shop_out));
	assert_true(filter_wants_stream(&f, &shop_err));
	filter_done(&f);
	f = filter_good("{\"instance\": 0}");
	assert_true(filter_wants_stream(&f, &shop_out));
	assert_false(filter_wants_stream(&f, &shop_err));
	filter_done(&f);
}

static void filter_of_time_and_life_includes_both_ends(void **state)
{
	static const struct {
		const char *text;
		bool wanted;
	} cases[] = {
		{"{\"since_at_usec\": 1000}", true}, {"{\"since_at_usec\": 1001}", false},
		{"{\"until_at_usec\": 1000}", true}, {"{\"until_at_usec\": 999}", false},
		{"{\"since_life\": 500}", true},     {"{\"since_life\": 501}", false},
		{"{\"until_life\": 500}", true},     {"{\"until_life\": 499}", false},
	};
	struct line line = line_of("x");

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct filter f = filter_good(cases[i].text);

		assert_int_equal(filter_wants_line(&f, &line), cases[i].wanted);
		filter_done(&f);
	}
}

static void filter_with_pattern_looks_behind_nul_bytes(void **state)
{
	struct filter f = filter_good("{\"grep\": \"wor(ld|d)$\"}");
	struct line line = line_of("hello world");

	assert_true(filter_wants_line(&f, &line));
	line.n_bytes--;
	assert_false(filter_wants_line(&f, &line));
	line.text = "a\0b word";
	line.n_bytes = 8;
	assert_true(filter_wants_line(&f, &line));
	filter_done(&f);
}

static void filter_with_pattern_hides_marks_of_dropped_bytes(void **state)
{
	struct filter f = filter_good("{\"grep\": \"\"}");
	struct line mark = {.id = &shop_out, .dropped = 5};

	assert_false(filter_wants_line(&f, &mark));
	filter_done(&f);
	f = filter_good("{}");
	assert_true(filter_wants_line(&f, &mark));
	filter_done(&f);
}

static void filter_that_is_wrong_names_the_fault(void **state)
{
	static const struct {
		const char *text, *id, *part;
	} cases[] = {
		{"{\"grep\": \"(\"}", "io.slicekeep.log.BadPattern", "regular expression"},
		{"{\"grep\": \"a{1000}{1000}\"}", "io.slicekeep.log.BadPattern", "repeats"},
		{"{\"grep\": \"(a*)\\\\1\"}", "io.slicekeep.log.BadPattern", "back-reference"},
		{"{\"names\": [\"../x\"]}", "io.slicekeep.log.NoSuchService", "../x"},
		{"{\"names\": [7]}", "io.slicekeep.log.NoSuchService", "?"},
		{"{\"streams\": [\"in\"]}", "", "\"in\""},
		{"{\"cursor\": \"rubbish\"}", "io.slicekeep.log.BadPattern", "cursor"},
		{"{\"instance\": 4294967296}", "", "slot"},
		{"{\"tail\": \"3\"}", NULL, "tail"},
		{"{\"tail\": -3}", NULL, "tail"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct error err = {0};
		struct filter f;

		assert_true(filter_of(cases[i].text, &f, &err) < 0);
		if (cases[i].id)
			assert_string_equal(err.id, cases[i].id);
		assert_non_null(strstr(err.text, cases[i].part));
	}
}

static void pattern_costs_what_is_written_out(void **state)
{
	static const struct {
		const char *pattern;
		uint64_t cost;
	} cases[] = {
		{"", 0},
		{"abc", 3},
		{"a+b*c?", 6},
		{"a{3}b", 4},
		{"a{2,5}", 5},
		{"a{3,}", 4},
		{"a{,9}", 9},
		{"(ab)", 3},
		{"(ab){3}", 9},
		{"((a{2}){2}){2}", 14},
		{"a++++", 16},
		{"[abc]{4}", 4},
		{"[]x]{4}[^]]", 5},
		{"[[:digit:]]{4}", 4},
		{"[[.].]]+", 2},
		{"\\{3}", 3},
		{"\\(a\\)", 3},
		{"a{b}", 3},
		{"a{3", 2},
		{"(a{3}", 3},
		{"[a", 1},
		{"a)b", 3},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(pattern_cost(cases[i].pattern), cases[i].cost);
}

static void pattern_has_the_fixed_part_that_all_matches_have(void **state)
{
	static const struct {
		const char *pattern, *fixed;
	} cases[] = {
		{"error", "error"},
		{"^error: .*disk full$", "disk full"},
		{"colou?r", "colo"},
		{"ab+cde", "cde"},
		{"abc+d", "abc"},
		{"abc+*d", "ab"},
		{"abcd{0,3}ef", "abc"},
		{"abcd{2}", "abc"},
		{"a|b", ""},
		{"abc(d|e)f", "abc"},
		{"(abc|d)+efg", "efg"},
		{"x[a|(]y", "x"},
		{"x[]|]yz", "yz"},
		{"([)]abc)de", "de"},
		{"\\.js\\b", ".js"},
		{"a\\|bc", "a|bc"},
		{"ab\\", "ab"},
		{"caf\xc3\xa9*s", "caf"},
		{"caf\xc3\xa9s", "caf\xc3\xa9s"},
		{"ab{|cd}", ""},
		{"ab{2,x}", ""},
		{"*", ""},
		{"", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char fixed[PATTERN_BYTES_MAX];
		size_t n = pattern_fixed(cases[i].pattern, fixed);

		assert_int_equal(n, strlen(cases[i].fixed));
		assert_memory_equal(fixed, cases[i].fixed, n);
	}
}

/* Whatever regcomp takes: what it matches has that part. */
static void pattern_at_random_matches_nothing_without_its_fixed_part(void **state)
{
	static const char signs[] = "aaabbbc(|)[]*+?{1,2}.^$\\";
	unsigned seed = 1, n_matches = 0;

	for (int round = 0; round < 200000; round++) {
		char pattern[12], text[8], fixed[PATTERN_BYTES_MAX];
		regex_t regex;
		size_t n;

		for (size_t i = 0; i < sizeof(pattern); i++) {
			seed = seed * 1103515245 + 12345;
			pattern[i] = signs[seed / 65536 % (sizeof(signs) - 1)];
			text[i % sizeof(text)] = "abc|(1"[seed / 1048576 % 6];
		}
		pattern[1 + seed / 65536 % (sizeof(pattern) - 1)] = '\0';
		text[sizeof(text) - 1] = '\0';
		if (pattern_cost(pattern) > 200 ||
		    regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
			continue;
		n = pattern_fixed(pattern, fixed);
		if (regexec(&regex, text, 0, NULL, 0) == 0) {
			assert_non_null(memmem(text, strlen(text), fixed, n));
			n_matches++;
		}
		regfree(&regex);
	}
	assert_true(n_matches > 1000);
}

static void pattern_that_explodes_is_too_dear(void **state)
{
	static const char *const bombs[] = {
		"a{1501}",
		"(a{99}){99}",
		"a{99999999999999999999}{99999999999999999999}",
		"a+++++++++++++",
		"(((((((((((a*+)+)+)+)+)+)+)+)+)+)+)+",
		"((((((((((((((((((((((((((((((((a",
	};

	for (size_t i = 0; i < ARRAY_LEN(bombs); i++)
		assert_true(pattern_cost(bombs[i]) > PATTERN_COST_MAX);
}

static bool wants_text(const char *filter, const char *text)
{
	struct filter f = filter_good(filter);
	struct line line = line_of(text);
	bool wanted = filter_wants_line(&f, &line);

	filter_done(&f);
	return wanted;
}

static void filter_of_a_level_wants_it_and_what_is_worse(void **state)
{
	static const char warn[] = "{\"level\": \"warn\"}", info[] = "{\"level\": \"INFO\"}";

	assert_true(wants_text(warn, "<4>slow"));
	assert_true(wants_text(warn, "{\"level\": \"error\", \"msg\": \"a\"}"));
	assert_false(wants_text(warn, "level=info msg=a"));
	assert_false(wants_text(warn, "it does not say"));
	assert_false(wants_text(warn, ""));
	assert_true(wants_text(info, "it does not say"));
	assert_true(wants_text(info, ""));
	assert_false(wants_text(info, "<7>details"));
	assert_false(wants_text("{\"level\": \"warn\", \"grep\": \"b\"}", "<4>a"));
	assert_true(wants_text("{\"level\": \"warn\", \"grep\": \"b\"}", "<4>b"));
}

static void filter_of_a_text_wants_it_as_it_is(void **state)
{
	static const char dot[] = "{\"grep\": \"a.c(\", \"fixed\": true}";

	assert_true(wants_text(dot, "xa.c(x"));
	assert_false(wants_text(dot, "xabc(x"));
	assert_false(wants_text(dot, "a.c"));
	assert_false(wants_text(dot, ""));
	assert_true(wants_text("{\"grep\": \"\", \"fixed\": true}", ""));
}

static void filter_of_a_level_shows_what_was_lost(void **state)
{
	struct filter f = filter_good("{\"level\": \"alert\"}");
	struct line line = line_of("");

	line.dropped = 17;
	assert_true(filter_wants_line(&f, &line));
	filter_done(&f);
}

static void filter_of_no_level_is_refused(void **state)
{
	struct filter f;
	struct error err = {0};

	assert_int_equal(filter_of("{\"level\": \"loud\"}", &f, &err), -EINVAL);
	assert_non_null(strstr(err.text, "\"loud\" is no level"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filter_without_wishes_wants_all),
		cmocka_unit_test(filter_wants_events_about_whom_it_names),
		cmocka_unit_test(filter_wants_events_by_stream_and_level),
		cmocka_unit_test(filter_looks_for_a_text_in_events_when_told_to),
		cmocka_unit_test(filter_of_streams_and_instance_picks_them),
		cmocka_unit_test(filter_of_time_and_life_includes_both_ends),
		cmocka_unit_test(filter_of_a_level_wants_it_and_what_is_worse),
		cmocka_unit_test(filter_of_a_text_wants_it_as_it_is),
		cmocka_unit_test(filter_of_a_level_shows_what_was_lost),
		cmocka_unit_test(filter_of_no_level_is_refused),
		cmocka_unit_test(filter_with_pattern_looks_behind_nul_bytes),
		cmocka_unit_test(filter_with_pattern_hides_marks_of_dropped_bytes),
		cmocka_unit_test(filter_that_is_wrong_names_the_fault),
		cmocka_unit_test(pattern_costs_what_is_written_out),
		cmocka_unit_test(pattern_has_the_fixed_part_that_all_matches_have),
		cmocka_unit_test(pattern_at_random_matches_nothing_without_its_fixed_part),
		cmocka_unit_test(pattern_that_explodes_is_too_dear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
