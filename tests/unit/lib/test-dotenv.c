/* SPDX-License-Identifier: MIT */
#include "lib/dotenv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/error.h"
#include "lib/text.h"

void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

/* How many more allocations succeed; -1 for all of them. */
static int allocations_left = -1;

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

/* Parses and joins the result: [A=1][B=2]. */
static void assert_env(const char *text, const char *expected)
{
	cleanup_strings char **env = NULL;
	cleanup_free char *joined = NULL;
	struct text t = {0};
	struct error err = {0};

	assert_int_equal(dotenv_parse(text, strlen(text), &env, &err), 0);
	assert_string_equal(err.text, "");
	for (size_t i = 0; env[i]; i++)
		text_addf(&t, "[%s]", env[i]);
	joined = text_take(&t);
	assert_string_equal(joined, expected);
}

static void assert_refused(const char *text, const char *expected)
{
	struct error err = {0};
	char **env = NULL;

	assert_int_equal(dotenv_parse(text, strlen(text), &env, &err), -EINVAL);
	assert_null(env);
	assert_string_equal(err.text, expected);
}

static void env_of_nothing_is_empty(void **state)
{
	assert_env("", "");
	assert_env("\n\n \t\n# a comment\n  # another\n#", "");
	assert_env("\xef\xbb\xbf# after a byte order mark", "");
}

static void env_takes_unquoted_values(void **state)
{
	assert_env("A=1\nB=two words\n_c9=x", "[A=1][B=two words][_c9=x]");
	assert_env("A=\nB= \n", "[A=][B=]");
}

static void env_trims_blanks_around_unquoted_values(void **state)
{
	assert_env("  A  =  x y \t\n", "[A=x y]");
	assert_env("A=x\r\nB=y\r\n", "[A=x][B=y]");
}

static void env_ends_unquoted_values_at_a_comment(void **state)
{
	assert_env("A=x # y\nB=x#y\nC=#x\nD= # nothing\nE=x\t#y", "[A=x][B=x#y][C=#x][D=][E=x]");
}

static void env_takes_backslashes_and_quotes_inside_unquoted_values_as_they_are(void **state)
{
	assert_env("A=a\\nb\nB=it's \"x\"\nC=$HOME ${X} `x`",
		   "[A=a\\nb][B=it's \"x\"][C=$HOME ${X} `x`]");
}

static void env_accepts_export(void **state)
{
	assert_env("export A=1\nexport\tB=2\nexport=3\nexported=4\nexport =5",
		   "[A=1][B=2][export=5][exported=4]");
}

static void env_takes_single_quotes_as_they_stand(void **state)
{
	assert_env("A='a\\n\"$x # y'", "[A=a\\n\"$x # y]");
	assert_env("A='two\nlines'\nB=1", "[A=two\nlines][B=1]");
	assert_env("A=''", "[A=]");
}

static void env_resolves_escapes_in_double_quotes(void **state)
{
	assert_env("A=\"a\\nb\\tc\\rd\\\\e\\\"f\\$g\"", "[A=a\nb\tc\rd\\e\"f$g]");
	assert_env("A=\"a\\xb\\'\\`\"", "[A=a\\xb\\'\\`]");
	assert_env("A=\"two\nlines # no comment\"", "[A=two\nlines # no comment]");
}

static void env_allows_comments_and_blanks_behind_quotes(void **state)
{
	assert_env("A='x' # y\nB=\"x\"#y\nC='x' \r\nD='x'", "[A=x][B=x][C=x][D=x]");
}

static void env_lets_later_lines_win_in_the_place_of_the_first(void **state)
{
	assert_env("A=1\nB=2\nA=3\nAB=4", "[A=3][B=2][AB=4]");
}

static void env_names_the_line_and_never_the_content(void **state)
{
	assert_refused("A=1\nsecret\n", "line 2: expected = behind the name of the variable");
	assert_refused("export A\n", "line 1: expected = behind the name of the variable");
	assert_refused("A B=1", "line 1: expected = behind the name of the variable");
	assert_refused("\n\n1A=1",
		       "line 3: expected the name of a variable: letters, digits and _");
	assert_refused("=1", "line 1: expected the name of a variable: letters, digits and _");
	assert_refused("\xc3\xa4=1",
		       "line 1: expected the name of a variable: letters, digits and _");
	assert_refused("A='x'y", "line 1: something stands behind the closing quote");
	assert_refused("A='\n\n'y", "line 3: something stands behind the closing quote");
	assert_refused("\nA='x\n\n", "line 2: the quote is not closed");
	assert_refused("A=\"x\\", "line 1: the quote is not closed");
	assert_refused("A=\"x\\\"", "line 1: the quote is not closed");
}

static void env_refuses_nul_bytes(void **state)
{
	struct error err = {0};
	char **env = NULL;

	assert_int_equal(dotenv_parse("A=1\0B=2", 7, &env, &err), -EINVAL);
	assert_string_equal(err.text, "holds a NUL byte; it must be a text file");
}

static void env_never_reads_behind_its_length(void **state)
{
	cleanup_strings char **env = NULL;
	static const char text[] = {'A', '=', '"', 'x', '"'};

	for (size_t len = 0; len <= sizeof(text); len++) {
		char *copy = malloc(MAX_OF(len, (size_t)1)); /* its end is seen by the sanitizer */
		int r;

		memcpy(copy, text, len);
		strings_free(steal_ptr(env));
		r = dotenv_parse(copy, len, &env, NULL);
		free(copy);
		assert_true(r == 0 || len == 1 || len == 3 || len == 4);
	}
	assert_string_equal(env[0], "A=x");
}

static void env_of_too_many_bytes_or_variables_is_refused(void **state)
{
	cleanup_free char *big = malloc(DOTENV_BYTES_MAX + 1);
	cleanup_strings char **env = NULL;
	struct error err = {0};
	struct text t = {0};
	char *lines;

	memset(big, '#', DOTENV_BYTES_MAX + 1);
	assert_int_equal(dotenv_parse(big, DOTENV_BYTES_MAX + 1, &env, &err), -EFBIG);
	assert_int_equal(dotenv_parse(big, DOTENV_BYTES_MAX, &env, &err), 0);
	strings_free(steal_ptr(env));

	for (int i = 0; i < DOTENV_VARIABLES_MAX; i++)
		text_addf(&t, "V%d=x\n", i);
	assert_int_equal(dotenv_parse(t.data, t.len, &env, &err), 0);
	assert_int_equal(strings_len(env), DOTENV_VARIABLES_MAX);
	strings_free(steal_ptr(env));
	text_add(&t, "V0=again\n");
	lines = text_take(&t);
	assert_int_equal(dotenv_parse(lines, strlen(lines), &env, &err), -EFBIG);
	assert_string_equal(err.text, "line 4097: more than 4096 variables");
	free(lines);
}

static void env_without_memory_says_so(void **state)
{
	struct error err = {0};
	char **env = NULL;
	int n = 0;
	int r;

	do {
		allocations_left = n++;
		r = dotenv_parse("A=1\nB='2'", 9, &env, &err);
		assert_true(r == 0 || r == -ENOMEM);
	} while (r == -ENOMEM);
	allocations_left = -1;
	assert_true(n > 5);
	assert_int_equal(strings_len(env), 2);
	strings_free(env);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(env_of_nothing_is_empty),
		cmocka_unit_test(env_takes_unquoted_values),
		cmocka_unit_test(env_trims_blanks_around_unquoted_values),
		cmocka_unit_test(env_ends_unquoted_values_at_a_comment),
		cmocka_unit_test(
			env_takes_backslashes_and_quotes_inside_unquoted_values_as_they_are),
		cmocka_unit_test(env_accepts_export),
		cmocka_unit_test(env_takes_single_quotes_as_they_stand),
		cmocka_unit_test(env_resolves_escapes_in_double_quotes),
		cmocka_unit_test(env_allows_comments_and_blanks_behind_quotes),
		cmocka_unit_test(env_lets_later_lines_win_in_the_place_of_the_first),
		cmocka_unit_test(env_names_the_line_and_never_the_content),
		cmocka_unit_test(env_refuses_nul_bytes),
		cmocka_unit_test(env_never_reads_behind_its_length),
		cmocka_unit_test(env_of_too_many_bytes_or_variables_is_refused),
		cmocka_unit_test(env_without_memory_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
