/* SPDX-License-Identifier: MIT */
#include "lib/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* How many more allocations succeed; -1 for all of them. */
static int allocations_left = -1;

void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

static bool may_allocate(void)
{
	if (allocations_left == 0)
		return false;
	allocations_left -= allocations_left > 0;
	return true;
}

void *__wrap_realloc(void *p, size_t size)
{
	return may_allocate() ? __real_realloc(p, size) : NULL;
}

void *__wrap_calloc(size_t n, size_t size)
{
	return may_allocate() ? __real_calloc(n, size) : NULL;
}

static int all_allocations(void **state)
{
	allocations_left = -1;
	return 0;
}

/* --- the growing string ----------------------------------------------------------------------- */

static void text_of_nothing_is_an_empty_string(void **state)
{
	cleanup_free char *s = NULL;
	struct text t = {0};

	text_add(&t, NULL);
	s = text_take(&t);
	assert_string_equal(s, "");
}

static void text_grows_with_all_kinds_of_addition(void **state)
{
	cleanup_free char *s = NULL;
	struct text t = {0};

	text_add(&t, "a");
	text_add_bytes(&t, "bcd", 2);
	text_addf(&t, "%d%s", 4, "e");
	assert_int_equal(t.len, 5);
	s = text_take(&t);
	assert_string_equal(s, "abc4e");
	assert_null(t.data);
	assert_int_equal(t.len, 0);
}

static void text_holds_nul_bytes(void **state)
{
	cleanup_text struct text t = {0};

	text_add_bytes(&t, "a\0b", 3);
	assert_int_equal(t.len, 3);
	assert_memory_equal(t.data, "a\0b", 4);
}

static void text_formats_across_each_border_of_its_buffer(void **state)
{
	for (int already = 0; already < 130; already++) {
		for (int n = 0; n < 130; n += 3) {
			cleanup_text struct text t = {0};

			text_addf(&t, "%*s", already, "");
			text_addf(&t, "%0*d", n, 0);
			assert_int_equal(t.len, already + MAX_OF(n, 1));
			assert_int_equal(strlen(t.data), t.len);
		}
	}
}

static void text_without_memory_gives_null_and_can_be_used_again(void **state)
{
	cleanup_free char *s = NULL;
	struct text t = {0};

	text_add(&t, "some");
	allocations_left = 0;
	text_addf(&t, "%0200d", 1);
	assert_true(t.failed);
	assert_string_equal(t.data, "some");
	allocations_left = -1;
	text_add(&t, "more");
	assert_string_equal(t.data, "some");
	assert_null(text_take(&t));
	assert_false(t.failed);
	text_add(&t, "again");
	s = text_take(&t);
	assert_string_equal(s, "again");
}

static void text_without_memory_from_the_start_gives_null(void **state)
{
	struct text t = {0};

	allocations_left = 0;
	text_add_bytes(&t, "x", 1);
	text_addf(&t, "%d", 1);
	assert_null(t.data);
	assert_null(text_take(&t));
}

static void text_refuses_a_length_that_would_overflow(void **state)
{
	cleanup_text struct text t = {0};

	text_add(&t, "x");
	text_add_bytes(&t, "y", SIZE_MAX - 1);
	assert_true(t.failed);
	assert_string_equal(t.data, "x");
}

/* --- questions -------------------------------------------------------------------------------- */

static void text_starts_and_ends_compare_the_right_side(void **state)
{
	assert_true(text_starts("abc", "ab"));
	assert_true(text_starts("abc", ""));
	assert_false(text_starts("a", "ab"));
	assert_true(text_ends("abc", "bc"));
	assert_true(text_ends("abc", ""));
	assert_false(text_ends("c", "bc"));
}

static void text_equal_takes_null(void **state)
{
	assert_true(text_equal(NULL, NULL));
	assert_false(text_equal(NULL, ""));
	assert_false(text_equal("", NULL));
	assert_true(text_equal("a", "a"));
	assert_false(text_equal("a", "b"));
}

static void text_name_is_valid_in_its_alphabet_and_length_only(void **state)
{
	static const char *const good[] = {"a", "0", "a-b_c", "web2",
					   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	static const char *const bad[] = {
		"",    "-a",  "_a",  "A",
		"a.b", "a/b", "a b", "ä",
		"a\n", "..",  "a@b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(text_name_valid(good[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(text_name_valid(bad[i]));
}

static void text_name_reserved_is_that_of_a_daemon(void **state)
{
	assert_true(text_name_reserved("supervisor"));
	assert_true(text_name_reserved("log"));
	assert_false(text_name_reserved("logs"));
	assert_false(text_name_reserved(""));
}

/* --- did you mean ----------------------------------------------------------------------------- */

static const char *const verbs[] = {"start", "stop", "restart", "status", "log", "ls"};

static const char *nearest_verb(const char *word)
{
	const char *found = text_nearest(word, verbs, ARRAY_LEN(verbs));

	return found ? found : "(none)";
}

static void nearest_finds_one_slip_of_each_kind(void **state)
{
	assert_string_equal(nearest_verb("strat"), "start"); /* swapped */
	assert_string_equal(nearest_verb("stat"), "start");  /* left out */
	assert_string_equal(nearest_verb("stopp"), "stop");  /* too many */
	assert_string_equal(nearest_verb("lok"), "log");     /* another letter */
	assert_string_equal(nearest_verb("restrat"), "restart");
	assert_string_equal(nearest_verb("lsx"), "ls");
}

static void nearest_gives_the_word_itself(void **state)
{
	assert_string_equal(nearest_verb("status"), "status");
}

static void nearest_is_nothing_for_a_word_that_was_not_meant(void **state)
{
	const char *const one[] = {"x"};

	assert_string_equal(nearest_verb("banana"), "(none)");
	assert_string_equal(nearest_verb(""), "(none)");
	assert_null(text_nearest("y", one, 1));
	assert_null(text_nearest("stop", NULL, 0));
}

static void nearest_ignores_what_nobody_types(void **state)
{
	char word[200];
	const char *const candidates[] = {word, "stop"};

	memset(word, 'a', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	assert_null(text_nearest(word, candidates, 2));
	assert_string_equal(text_nearest("stpo", candidates, 2), "stop");
}

static void nearest_of_two_equally_near_is_the_first(void **state)
{
	const char *const candidates[] = {"bat", "cat"};

	assert_string_equal(text_nearest("rat", candidates, 2), "bat");
}

/* --- words ------------------------------------------------------------------------------------ */

static void assert_words(const char *s, const char *expected)
{
	cleanup_strings char **words = NULL;
	cleanup_free char *joined = NULL;
	struct text t = {0};

	assert_int_equal(text_split_words(s, &words), 0);
	for (size_t i = 0; words[i]; i++)
		text_addf(&t, "[%s]", words[i]);
	joined = text_take(&t);
	assert_string_equal(joined, expected);
}

static void split_divides_at_blanks(void **state)
{
	assert_words("", "");
	assert_words(" \t\n ", "");
	assert_words("a", "[a]");
	assert_words("  a  b\tc\nd ", "[a][b][c][d]");
}

static void split_takes_quotes_as_sh_does(void **state)
{
	assert_words("'a b' \"c d\"", "[a b][c d]");
	assert_words("a'b'\"c\"d", "[abcd]");
	assert_words("'' \"\"", "[][]");
	assert_words("'a\\b'", "[a\\b]");
	assert_words("\"a'b\" 'c\"d'", "[a'b][c\"d]");
	assert_words("\"\\$ \\` \\\" \\\\ \\x\"", "[$ ` \" \\ \\x]");
}

static void split_takes_backslashes_as_sh_does(void **state)
{
	assert_words("a\\ b \\'", "[a b][']");
	assert_words("a\\\nb", "[ab]");
	assert_words("a \\\n b", "[a][b]");
	assert_words("\\\n", "");
	assert_words("\"a\\\nb\"", "[ab]");
}

static void split_expands_nothing(void **state)
{
	assert_words("$HOME *.c ~ `x` #y ; |", "[$HOME][*.c][~][`x`][#y][;][|]");
}

static void split_refuses_what_is_not_closed(void **state)
{
	static const char *const bad[] = {"'a", "a \"b", "a\\", "\"a\\", "\"\\\"", "'"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char **words = NULL;

		assert_int_equal(text_split_words(bad[i], &words), -EINVAL);
		assert_null(words);
	}
}

static void split_without_memory_says_so(void **state)
{
	char **words = NULL;

	for (int n = 0; n < 3; n++) {
		allocations_left = n;
		assert_int_equal(text_split_words("a b c", &words), -ENOMEM);
	}
	allocations_left = 4;
	assert_int_equal(text_split_words("a b c", &words), 0);
	assert_int_equal(strings_len(words), 3);
	strings_free(words);
}

/* --- UTF-8 ------------------------------------------------------------------------------------ */

static void utf8_accepts_the_borders_of_each_length(void **state)
{
	static const char *const good[] = {
		"",
		"\x7f",
		"\xc2\x80",
		"\xdf\xbf",
		"\xe0\xa0\x80",
		"\xed\x9f\xbf",
		"\xee\x80\x80",
		"\xef\xbf\xbf",
		"\xf0\x90\x80\x80",
		"\xf4\x8f\xbf\xbf",
		"a\xc3\xa4z",
	};

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(text_utf8_valid(good[i], strlen(good[i])));
	assert_true(text_utf8_valid("a\0b", 3));
}

static void utf8_refuses_what_rfc_3629_refuses(void **state)
{
	static const char *const bad[] = {
		"\x80",
		"\xbf",
		"\xc0\x80",
		"\xc1\xbf",
		"\xc2",
		"\xc2z",
		"\xe0\x9f\xbf",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xe1\x80",
		"\xe1\x80z",
		"\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xff",
		"\xfe",
		"\xf0\x90\x80",
		"\xf0\x90\x80z",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(text_utf8_valid(bad[i], strlen(bad[i])));
}

static void utf8_never_looks_behind_the_length(void **state)
{
	assert_int_equal(text_utf8_len("\xc3\xa4", 1), 0);
	assert_int_equal(text_utf8_len("\xc3\xa4", 2), 2);
	assert_int_equal(text_utf8_len("a", 0), 0);
}

static void assert_escaped(const char *s, size_t n, bool keep_ansi, const char *expected)
{
	cleanup_text struct text t = {0};

	text_add(&t, "");
	text_add_escaped(&t, s, n, keep_ansi);
	assert_string_equal(t.data, expected);
}

static void escape_leaves_what_is_harmless(void **state)
{
	assert_escaped("a\tä€😀\\", strlen("a\tä€😀\\"), false, "a\tä€😀\\");
	assert_escaped("\xc2\xa0", 2, false, "\xc2\xa0");
	assert_escaped("", 0, false, "");
}

static void escape_shows_control_characters_and_bad_bytes(void **state)
{
	assert_escaped("a\nb\r\x01\x7f", 6, false, "a\\x0ab\\x0d\\x01\\x7f");
	assert_escaped("\0", 1, false, "\\x00");
	assert_escaped("\xff\xc3", 2, false, "\\xff\\xc3");
	assert_escaped("\033[31mred", 8, false, "\\x1b[31mred");
}

static void escape_shows_control_characters_of_two_bytes(void **state)
{
	/* U+009B is a control sequence introducer for terminals that know it. */
	assert_escaped("\xc2\x9b"
		       "31m",
		       5, true, "\\xc2\\x9b31m");
}

static void escape_keeps_colours_when_asked_and_nothing_else(void **state)
{
	assert_escaped("\033[1;31mx\033[0m\033[m", 15, true, "\033[1;31mx\033[0m\033[m");
	assert_escaped("\033[38:2:1:2:3m", 13, true, "\033[38:2:1:2:3m");
	assert_escaped("\033[2J", 4, true, "\\x1b[2J");
	assert_escaped("\033]0;t\007", 6, true, "\\x1b]0;t\\x07");
	assert_escaped("\033[31", 4, true, "\\x1b[31");
	assert_escaped("\033[?25m", 6, true, "\\x1b[?25m");
	assert_escaped("\033", 1, true, "\\x1b");
}

static void errno_in_words_is_the_middle_of_a_sentence(void **state)
{
	static const struct {
		int code;
		const char *words;
	} rows[] = {
		{ENOENT, "no such file or directory"},
		{EREMCHG, "remote address changed"},
		{EDOTDOT, "RFS specific error"},
		{98765, "error 98765"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cleanup_text struct text t = {0};

		text_add_errno(&t, rows[i].code);
		assert_string_equal(t.data, rows[i].words);
	}
}

static void strings_of_null_are_none(void **state)
{
	assert_int_equal(strings_len(NULL), 0);
	strings_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_of_nothing_is_an_empty_string),
		cmocka_unit_test(text_grows_with_all_kinds_of_addition),
		cmocka_unit_test(text_holds_nul_bytes),
		cmocka_unit_test(text_formats_across_each_border_of_its_buffer),
		cmocka_unit_test_teardown(text_without_memory_gives_null_and_can_be_used_again,
					  all_allocations),
		cmocka_unit_test_teardown(text_without_memory_from_the_start_gives_null,
					  all_allocations),
		cmocka_unit_test(text_refuses_a_length_that_would_overflow),
		cmocka_unit_test(text_starts_and_ends_compare_the_right_side),
		cmocka_unit_test(text_equal_takes_null),
		cmocka_unit_test(text_name_is_valid_in_its_alphabet_and_length_only),
		cmocka_unit_test(text_name_reserved_is_that_of_a_daemon),
		cmocka_unit_test(nearest_finds_one_slip_of_each_kind),
		cmocka_unit_test(nearest_gives_the_word_itself),
		cmocka_unit_test(nearest_is_nothing_for_a_word_that_was_not_meant),
		cmocka_unit_test(nearest_ignores_what_nobody_types),
		cmocka_unit_test(nearest_of_two_equally_near_is_the_first),
		cmocka_unit_test(split_divides_at_blanks),
		cmocka_unit_test(split_takes_quotes_as_sh_does),
		cmocka_unit_test(split_takes_backslashes_as_sh_does),
		cmocka_unit_test(split_expands_nothing),
		cmocka_unit_test(split_refuses_what_is_not_closed),
		cmocka_unit_test_teardown(split_without_memory_says_so, all_allocations),
		cmocka_unit_test(utf8_accepts_the_borders_of_each_length),
		cmocka_unit_test(utf8_refuses_what_rfc_3629_refuses),
		cmocka_unit_test(utf8_never_looks_behind_the_length),
		cmocka_unit_test(escape_leaves_what_is_harmless),
		cmocka_unit_test(escape_shows_control_characters_and_bad_bytes),
		cmocka_unit_test(escape_shows_control_characters_of_two_bytes),
		cmocka_unit_test(escape_keeps_colours_when_asked_and_nothing_else),
		cmocka_unit_test(errno_in_words_is_the_middle_of_a_sentence),
		cmocka_unit_test(strings_of_null_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
