/* SPDX-License-Identifier: MIT */
/*
 * idl: which interface files are valid, what is said about those that are not, and whether a table
 * in C tells the same. With files as arguments, those are checked too.
 */
#include "lib/varlink/idl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/error.h"
#include "lib/varlink/server.h"

#define HEAD "interface org.example.test\n"

static void assert_valid(const char *text)
{
	struct idl idl = {0};
	struct error err = {0};

	if (idl_parse(text, &idl, &err) < 0)
		fail_msg("%s\nin\n%s", err.text, text);
	idl_done(&idl);
}

static void idl_members_are_listed_in_order(void **state)
{
	static const char text[] = "# A comment.\n" HEAD "\n"
				   "type Thing (name: string)\n"
				   "method Get(name: string) -> (thing: Thing) # behind\n"
				   "error NoSuchThing (name: string)\n";
	cleanup_idl struct idl idl = {0};
	struct error err = {0};

	assert_int_equal(idl_parse(text, &idl, &err), 0);
	assert_string_equal(idl.interface, "org.example.test");
	assert_int_equal(idl.n_members, 3);
	assert_string_equal(idl.members[1].name, "Get");
	assert_int_equal(idl.members[1].kind, IDL_KIND_METHOD);
	assert_int_equal(idl.members[1].line, 5);
	assert_non_null(idl_find(&idl, IDL_KIND_TYPE, "Thing"));
	assert_non_null(idl_find(&idl, IDL_KIND_ERROR, "NoSuchThing"));
	assert_null(idl_find(&idl, IDL_KIND_METHOD, "Thing"));
	assert_null(idl_find(&idl, IDL_KIND_METHOD, "Ge"));
}

static void idl_every_type_is_understood(void **state)
{
	assert_valid(HEAD "type A (a: bool, b: int, c: float, d: string, e: object)");
	assert_valid(HEAD
		     "type A (a: ?bool, b: []int, c: [string]float, d: ?[]?[string]?[]string)");
	assert_valid(HEAD "type A (set: [string](), colour: (red, green), pair: (a: int, b: A))");
	assert_valid(HEAD "type Colour (red, green)\nmethod M(c: []Colour)->()");
	assert_valid(HEAD "method A()->()\nmethod B ( ) -> ( a :\n int ,b: ? B2 )\ntype B2 ()");
	assert_valid(HEAD "error E ()");
	assert_valid(HEAD "type A (a: (a: (a: (a, b), b: int)), b_1: int)");
	assert_valid("interface a.b");
	assert_valid("interface com.example-site.x1.0");
}

static void idl_invalid_text_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *text;
		const char *reason;
	} rows[] = {
		{"", "line 1: expected \"interface\", found the end"},
		{"# only\n# comments\n", "line 3"},
		{"method A() -> ()", "expected \"interface\""},
		{"interface", "the name of an interface"},
		{"interface org", "the name of an interface"},
		{"interface org.", "the name of an interface"},
		{"interface .org.a", "the name of an interface"},
		{"interface org..a", "the name of an interface"},
		{"interface org.-a", "the name of an interface"},
		{"interface org.a-", "the name of an interface"},
		{"interface 1rg.a", "the name of an interface"},
		{"interface org.a_b", "the name of an interface"},
		{HEAD "\nfunction A()", "line 3: expected \"type\", \"method\" or \"error\""},
		{HEAD "method a() -> ()", "begins with a capital letter"},
		{HEAD "method A_b() -> ()", "begins with a capital letter"},
		{HEAD "method A() ()", "expected \"->\""},
		{HEAD "method A() -> int", "expected \"(\", found \"int\""},
		{HEAD "method A(", "the name of a field, found the end"},
		{HEAD "method A(a: int", "expected \",\""},
		{HEAD "method A(a: int b: int) -> ()", "expected \",\""},
		{HEAD "method A(a: int,) -> ()", "the name of a field"},
		{HEAD "type A (a: int, b)", "\":\" and a type"},
		{HEAD "type A (a, b: int)", "expected \",\" or \")\""},
		{HEAD "type A (a: )", "expected a type"},
		{HEAD "type A (a: integer)", "expected a type, found \"integer\""},
		{HEAD "type A (a: ??int)", "expected a type"},
		{HEAD "type A (a: [int]string)", "expected \"]\""},
		{HEAD "type A (a: [string)", "expected \"]\""},
		{HEAD "type A (1a: int)", "the name of a field"},
		{HEAD "type A (a_: int)", "the name of a field"},
		{HEAD "type A (a__b: int)", "the name of a field"},
		{HEAD "type A (_a: int)", "the name of a field"},
		{HEAD "type A (a: int,\n a: int)", "line 3: field \"a\" is there twice"},
		{HEAD "type A (a, b, a)", "field \"a\" is there twice"},
		{HEAD "type A ()\nmethod A() -> ()", "line 3: \"A\" is defined in line 2"},
		{HEAD "method A(b: []B) -> ()", "line 2: there is no type \"B\""},
		{HEAD "method A(b: B) -> ()\nerror B ()", "there is no type \"B\""},
		{HEAD "type A ()\n;", "line 3"},
		{HEAD "type A (a: (b: (c: int))", "expected \",\""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct idl idl = {0};
		struct error err = {0};

		assert_int_equal(idl_parse(rows[i].text, &idl, &err), -EINVAL);
		if (!strstr(err.text, rows[i].reason))
			fail_msg("%s\ndoes not say: %s\nabout\n%s", err.text, rows[i].reason,
				 rows[i].text);
		assert_null(idl.members);
	}
}

static void idl_parentheses_without_end_are_refused(void **state)
{
	char text[20000] = HEAD "type A ";
	struct idl idl = {0};
	struct error err = {0};
	size_t n = strlen(text);

	while (n + 5 < sizeof(text)) {
		memcpy(text + n, "(a: ", 5);
		n += 4;
	}
	assert_int_equal(idl_parse(text, &idl, &err), -EINVAL);
	assert_non_null(strstr(err.text, "too many parentheses"));
}

static void idl_fields_without_end_are_refused(void **state)
{
	char text[20000] = HEAD "type A (x";
	struct idl idl = {0};
	struct error err = {0};
	size_t n = strlen(text);

	for (int i = 0; n + 10 < sizeof(text); i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ", x%d", i);
	assert_int_equal(idl_parse(text, &idl, &err), -EINVAL);
	assert_non_null(strstr(err.text, "too many fields"));
}

static const struct varlink_method get_and_set[] = {{.name = "Get"}, {.name = "Set"}};

static void assert_difference(const char *text, const char *expected)
{
	const struct varlink_interface interface = {
		.name = "org.example.test",
		.text = text,
		.methods = get_and_set,
		.n_methods = ARRAY_LEN(get_and_set),
	};
	struct error err = {0};
	int r = idl_check(&interface, &err);

	assert_int_equal(r, expected ? -EINVAL : 0);
	if (expected && !strstr(err.text, expected))
		fail_msg("%s", err.text);
}

static void idl_table_is_compared_in_both_directions(void **state)
{
	assert_difference(HEAD "method Set() -> ()\nmethod Get() -> ()", NULL);
	assert_difference(HEAD "method Get() -> ()", "\"Set\" is not in the file");
	assert_difference(HEAD "method Get() -> ()\nmethod Set() -> ()\nmethod Del() -> ()",
			  "\"Del\" has no row");
	assert_difference("interface org.example.other\n", "org.example.other");
	assert_difference("interface", "line 1");
}

static char *read_whole(const char *path)
{
	char *text = calloc(1, 1024 * 1024);
	FILE *f = fopen(path, "r");

	assert_non_null(text);
	if (!f || fread(text, 1, 1024 * 1024 - 1, f) == 0)
		fail_msg("cannot read %s", path);
	(void)fclose(f);
	return text;
}

/* A file's name is its interface's name and ".varlink", at the end of a path. */
static void idl_file_is_valid_and_named_like_its_interface(void **state)
{
	const char *path = *state;
	char *text = read_whole(path);
	char name[IDL_INTERFACE_MAX + 16];
	struct idl idl = {0};
	struct error err = {0};

	if (idl_parse(text, &idl, &err) < 0)
		fail_msg("%s: %s", path, err.text);
	(void)snprintf(name, sizeof(name), "/%s.varlink", idl.interface);
	assert_string_equal(strrchr(path, '/'), name);
	idl_done(&idl);
	free(text);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idl_members_are_listed_in_order),
		cmocka_unit_test(idl_every_type_is_understood),
		cmocka_unit_test(idl_invalid_text_is_refused_with_its_line),
		cmocka_unit_test(idl_parentheses_without_end_are_refused),
		cmocka_unit_test(idl_fields_without_end_are_refused),
		cmocka_unit_test(idl_table_is_compared_in_both_directions),
	};
	int n_failed = cmocka_run_group_tests_name("idl", tests, NULL, NULL);

	for (int i = 1; i < argc; i++) {
		const struct CMUnitTest file[] = {
			cmocka_unit_test_prestate(idl_file_is_valid_and_named_like_its_interface,
						  argv[i]),
		};

		n_failed += cmocka_run_group_tests_name(argv[i], file, NULL, NULL);
	}
	return n_failed;
}
