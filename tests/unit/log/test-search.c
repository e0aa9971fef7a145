/* SPDX-License-Identifier: MIT */

/*
 * Looking for patterns: the same answers as regexec(3), where that can be asked.
 */

#include "log/search.h"

#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "log/pattern.h"

static unsigned seed = 1;

static unsigned any(unsigned below)
{
	seed = seed * 1103515245 + 12345;
	return seed / 65536 % below;
}

static struct search *search_for(const char *pattern)
{
	struct search *s = NULL;
	const char *reason;

	assert_int_equal(search_new(pattern, &s, &reason), 0);
	return s;
}

static void assert_same(struct search *s, const regex_t *regex, const char *pattern,
			const char *text)
{
	bool expected = regexec(regex, text, 0, NULL, 0) == 0;

	if (search_finds(s, text, strlen(text)) != expected)
		fail_msg("\"%s\" is %s in \"%s\"", pattern, expected ? "not found" : "found", text);
}

static void search_finds_what_the_pattern_says(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool found;
	} cases[] = {
		{"", "", true},
		{"abc", "xxabcxx", true},
		{"abc", "ababab", false},
		{"^abc$", "abc", true},
		{"^abc$", "abcd", false},
		{"a|bc|", "x", true},
		{"^(a|bc|)$", "bc", true},
		{"^(a|bc|)$", "b", false},
		{"^a{2,3}$", "a", false},
		{"^a{2,3}$", "aaa", true},
		{"^a{2,3}$", "aaaa", false},
		{"^a{2,}b{,2}c{0}$", "aaaaabb", true},
		{"^a{2,}b{,2}c{0}$", "aabbb", false},
		{"^(ab|c)+d?$", "abcabd", true},
		{"^(ab|c)+d?$", "abca", false},
		{"^(a*)*$", "aaa", true},
		{"[[:digit:]]{3}", "x12y345", true},
		{"[[:digit:]]{3}", "x12y34", false},
		{"^[]a-c^-]+$", "]b-^", true},
		{"^[^]a-c]+$", "xyz]", false},
		{"^[[.-.]-0]+$", "./0-", true},
		{"^[[=a=]b\\]+$", "ab\\", true},
		{"\\bword\\b", "a word.", true},
		{"\\bword\\b", "words", false},
		{"\\Bord\\>", "word", true},
		{"\\<ord", "word", false},
		{"^\\w+\\W\\S\\s$", "ab_1-x ", true},
		{"1\\.5 \\(\\)\\|", "1.5 ()|", true},
		{"a)b}", "a)b}", true},
		{"M.ller", "M\xfcller", true},
		{"caf\xc3\xa9s?$", "caf\xc3\xa9", true},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct search *s = search_for(cases[i].pattern);

		if (search_finds(s, cases[i].text, strlen(cases[i].text)) != cases[i].found)
			fail_msg("\"%s\" in \"%s\"", cases[i].pattern, cases[i].text);
		search_free(s);
	}
}

static void search_takes_nul_bytes_for_characters(void **state)
{
	struct search *s = search_for("b.?c$");

	assert_true(search_finds(s, "\0ab\0c", 5));
	assert_false(search_finds(s, "ab\0c\0", 5));
	search_free(s);
}

static void search_refuses_what_is_no_pattern_and_says_why(void **state)
{
	static const struct {
		const char *pattern, *reason;
	} cases[] = {
		{"(a*)\\1", "back-references"},
		{"(a", "( is not closed"},
		{"[a", "[ is not closed"},
		{"[[:no:]]", "class"},
		{"[[.no.]]", "character"},
		{"[b-a]", "range"},
		{"a\\", "backslash"},
		{"a{2", "{"},
		{"a{2,1}", "{"},
		{"a{b}", "{"},
		{"*", "nothing to repeat"},
		{"a|+", "nothing to repeat"},
		{"(?a)", "nothing to repeat"},
		{"^*", "nothing to repeat"},
		{"(a{99}){99}", "too much"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *reason;
		struct search *s;

		assert_int_equal(search_new(cases[i].pattern, &s, &reason), -EINVAL);
		assert_non_null(strstr(reason, cases[i].reason));
	}
}

/* It takes regcomp(3) longer than anybody waits. */
static void search_for_nothing_many_times_is_ready_at_once(void **state)
{
	struct search *s = search_for(":^(){502,}");

	assert_false(search_finds(s, ":", 1));
	search_free(s);
}

/* References, and "{\,}", which the library takes for "{,}". */
static bool has_oddity(const char *pattern)
{
	return strstr(pattern, "\\1") || strstr(pattern, "\\2") || strstr(pattern, "\\,");
}

/* Whatever else regcomp takes. */
static void search_at_random_agrees_with_the_library(void **state)
{
	static const char signs[] = "aaabbbc(|)[]*+?{1,2}.^$\\<>wBb-:";
	unsigned n_found = 0, n_patterns = 0;

	for (int round = 0; round < 300000; round++) {
		char pattern[13];
		size_t n = 1 + any(sizeof(pattern) - 1);
		struct search *s;
		regex_t regex;

		for (size_t i = 0; i < n; i++)
			pattern[i] = signs[any(sizeof(signs) - 1)];
		pattern[n] = '\0';
		if (pattern_cost(pattern) > 200 || has_oddity(pattern) ||
		    regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
			continue;
		n_patterns++;
		s = search_for(pattern);
		for (int i = 0; i < 5; i++) {
			char text[9];

			n = any(sizeof(text));
			text[n] = '\0';
			while (n-- > 0)
				text[n] = "aabbcc|(1- "[any(11)];
			n_found += search_finds(s, text, strlen(text));
			assert_same(s, &regex, pattern, text);
		}
		search_free(s);
		regfree(&regex);
	}
	assert_true(n_patterns > 10000 && n_found > 10000);
}

/* More states than are kept: what was forgotten is found out again. */
static void search_with_too_many_states_finds_the_same(void **state)
{
	struct search *s = search_for("a.{14}b(a|bb)$");
	unsigned n_found = 0;

	for (int round = 0; round < 300; round++) {
		char text[2000];
		size_t n = sizeof(text);
		bool expected;

		for (size_t i = 0; i < n; i++)
			text[i] = any(2) ? 'a' : 'b';
		expected = (text[n - 1] == 'a' && text[n - 2] == 'b' && text[n - 17] == 'a') ||
			   (memcmp(&text[n - 3], "bbb", 3) == 0 && text[n - 18] == 'a');
		assert_int_equal(search_finds(s, text, n), expected);
		n_found += expected;
	}
	assert_true(n_found > 10 && n_found < 290);
	search_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(search_finds_what_the_pattern_says),
		cmocka_unit_test(search_takes_nul_bytes_for_characters),
		cmocka_unit_test(search_refuses_what_is_no_pattern_and_says_why),
		cmocka_unit_test(search_for_nothing_many_times_is_ready_at_once),
		cmocka_unit_test(search_at_random_agrees_with_the_library),
		cmocka_unit_test(search_with_too_many_states_finds_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
