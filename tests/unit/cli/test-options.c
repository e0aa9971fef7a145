/* SPDX-License-Identifier: MIT */
#include "cli/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/error.h"

struct target {
	bool follow;
	bool wide;
	uint64_t lines;
	const char *grep;
};

static const struct option_row rows[] = {
	{"follow", 'f', OPTION_FLAG, offsetof(struct target, follow), NULL, ""},
	{"wide", 'w', OPTION_FLAG, offsetof(struct target, wide), NULL, ""},
	{"lines", 'n', OPTION_NUMBER, offsetof(struct target, lines), "N", ""},
	{"grep", 0, OPTION_TEXT, offsetof(struct target, grep), "RE", ""},
};

static int read_words(const char **argv, struct target *t, struct options_rest *rest,
		      struct error *err)
{
	return options_read(rows, ARRAY_LEN(rows), (char **)argv, t, rest, err);
}

static void options_stand_anywhere_before_the_end(void **state)
{
	const char *argv[] = {"shop", "-f", "db", "--lines", "5", "--grep=a=b", NULL};
	struct target t = {0};
	struct options_rest rest;

	assert_int_equal(read_words(argv, &t, &rest, NULL), 0);
	assert_true(t.follow);
	assert_false(t.wide);
	assert_int_equal(t.lines, 5);
	assert_string_equal(t.grep, "a=b");
	assert_int_equal(rest.n_words, 2);
	assert_string_equal(rest.words[0], "shop");
	assert_string_equal(rest.words[1], "db");
	assert_null(rest.words[2]);
	assert_null(rest.tail);
}

static void options_letters_join(void **state)
{
	const char *argv[] = {"-fwn7", NULL};
	const char *apart[] = {"-fn", "8", "shop", NULL};
	struct target t = {0};
	struct options_rest rest;

	assert_int_equal(read_words(argv, &t, &rest, NULL), 0);
	assert_true(t.follow && t.wide);
	assert_int_equal(t.lines, 7);
	assert_int_equal(rest.n_words, 0);
	assert_int_equal(read_words(apart, &t, &rest, NULL), 0);
	assert_int_equal(t.lines, 8);
	assert_string_equal(rest.words[0], "shop");
}

static void options_behind_two_dashes_belong_to_somebody_else(void **state)
{
	const char *argv[] = {"shop", "-f", "--", "node", "-w", "--", "x", NULL};
	struct target t = {0};
	struct options_rest rest;

	assert_int_equal(read_words(argv, &t, &rest, NULL), 0);
	assert_int_equal(rest.n_words, 1);
	assert_null(rest.words[1]);
	assert_false(t.wide);
	assert_string_equal(rest.tail[0], "node");
	assert_string_equal(rest.tail[1], "-w");
	assert_string_equal(rest.tail[2], "--");
	assert_string_equal(rest.tail[3], "x");
	assert_null(rest.tail[4]);
}

static void options_a_lone_dash_is_a_word(void **state)
{
	const char *argv[] = {"-", NULL};
	struct target t = {0};
	struct options_rest rest;

	assert_int_equal(read_words(argv, &t, &rest, NULL), 0);
	assert_string_equal(rest.words[0], "-");
}

static void options_that_are_wrong_are_named(void **state)
{
	static const struct {
		const char *word;
		const char *text;
	} bad[] = {
		{"--folow", "unknown option \"--folow\", did you mean \"--follow\"?"},
		{"--xyzzy", "unknown option \"--xyzzy\""},
		{"-z", "unknown option \"-z\""},
		{"-fz", "unknown option \"-z\""},
		{"--follow=1", "\"--follow\" takes no value"},
		{"--grep", "\"--grep\" needs a value: --grep RE"},
		{"-n", "\"--lines\" needs a value: --lines N"},
		{"-n5x", "\"--lines\" needs a whole number, not \"5x\""},
		{"--lines=", "\"--lines\" needs a whole number, not \"\""},
		{"--lines=-1", "\"--lines\" needs a whole number, not \"-1\""},
		{"--lines=18446744073709551616",
		 "\"--lines\" needs a whole number, not \"18446744073709551616\""},
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const char *argv[] = {bad[i].word, NULL};
		struct target t = {0};
		struct options_rest rest;
		struct error err = {0};

		assert_int_equal(read_words(argv, &t, &rest, &err), -EINVAL);
		assert_string_equal(err.text, bad[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_stand_anywhere_before_the_end),
		cmocka_unit_test(options_letters_join),
		cmocka_unit_test(options_behind_two_dashes_belong_to_somebody_else),
		cmocka_unit_test(options_a_lone_dash_is_a_word),
		cmocka_unit_test(options_that_are_wrong_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
