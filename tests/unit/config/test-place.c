/* SPDX-License-Identifier: MIT */
#include "config/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/text.h"

static const char document[] = "{\n"
			       "  \"env\": { \"a\": [1, {}, [\"x\\\"]\", \"y\"]] },\n"
			       "  \"processes\": {\n"
			       "    \"shop\": {\n"
			       "      \"\\u0070orts\": [\n"
			       "        8080,\n"
			       "        9090\n"
			       "      ],\n"
			       "      \"args\": [],\n"
			       "      \"env\": {\"}\": \"{\",\n"
			       "        \"b\": true}\n"
			       "    },\n"
			       "    \"db\": {\"ports\":\n"
			       "        [5432]}\n"
			       "  }\n"
			       "}\n";

/* "processes/shop/ports/#1": a place from a text; # marks an index. */
static struct place place_of(const char *path, char *buf)
{
	struct place w = {0};
	char *saved = NULL;

	strcpy(buf, path);
	for (char *part = strtok_r(buf, "/", &saved); part; part = strtok_r(NULL, "/", &saved)) {
		if (part[0] == '#')
			place_push_index(&w, strtoul(part + 1, NULL, 10));
		else
			place_push_key(&w, part);
	}
	return w;
}

static unsigned line_of(const char *path)
{
	char buf[256];
	struct place w = place_of(path, buf);

	return place_line(&w, document, strlen(document));
}

static void line_of_the_top_is_one(void **state)
{
	assert_int_equal(line_of(""), 1);
}

static void line_of_members_is_that_of_their_keys(void **state)
{
	assert_int_equal(line_of("env"), 2);
	assert_int_equal(line_of("processes/shop"), 4);
	assert_int_equal(line_of("processes/shop/args"), 9);
	assert_int_equal(line_of("processes/shop/env/b"), 11);
	assert_int_equal(line_of("processes/db"), 13);
	assert_int_equal(line_of("processes/db/ports"), 13);
}

static void line_of_elements_is_their_own(void **state)
{
	assert_int_equal(line_of("processes/shop/ports/#0"), 6);
	assert_int_equal(line_of("processes/shop/ports/#1"), 7);
	assert_int_equal(line_of("processes/db/ports/#0"), 14);
	assert_int_equal(line_of("env/a/#2/#1"), 2);
}

static void line_of_a_key_with_escapes_is_found(void **state)
{
	assert_int_equal(line_of("processes/shop/ports"), 5);
}

static void line_of_what_is_not_there_is_that_of_the_container(void **state)
{
	assert_int_equal(line_of("processes/shop/prots"), 4);
	assert_int_equal(line_of("processes/shop/ports/#2"), 5);
	assert_int_equal(line_of("processes/shop/args/#0"), 9);
	assert_int_equal(line_of("processes/shop/ports/#0/x"), 6);
	assert_int_equal(line_of("webhooks"), 1);
	assert_int_equal(line_of("env/a/x"), 2);
}

static void line_with_brackets_in_strings_is_right(void **state)
{
	assert_int_equal(line_of("processes/shop/env/}"), 10);
}

static void text_joins_parts_with_dots(void **state)
{
	cleanup_text struct text t = {0};
	char buf[256];
	struct place w = place_of("processes/shop/ports/#0", buf);

	place_add_text(&w, &t);
	assert_string_equal(t.data, "processes.shop.ports.0");
}

static void text_quotes_unusual_keys(void **state)
{
	cleanup_text struct text t = {0};
	struct place w = {0};

	place_push_key(&w, "routes");
	place_push_key(&w, "^a.b\n\x1b");
	place_push_key(&w, "");
	place_add_text(&w, &t);
	assert_string_equal(t.data, "routes[\"^a.b\\x0a\\x1b\"][\"\"]");
}

static void text_cuts_long_keys_between_characters(void **state)
{
	cleanup_text struct text t = {0};
	struct place w = {0};
	char key[202] = "a";

	for (size_t i = 1; i < 200; i += 2)
		memcpy(key + i, "\xc3\xa9", 3);
	place_push_key(&w, key);
	place_add_text(&w, &t);
	assert_true(text_utf8_valid(t.data, t.len));
	assert_true(text_ends(t.data, "…\"]"));
	assert_true(t.len < 80);
}

static void place_deeper_than_its_parts_is_counted(void **state)
{
	cleanup_text struct text t = {0};
	struct place w = {0};

	for (size_t i = 0; i < PLACE_PARTS_MAX + 10; i++)
		place_push_index(&w, i);
	place_add_text(&w, &t);
	assert_true(text_ends(t.data, ".35"));
	assert_int_equal(place_line(&w, "[[[]]]", 6), 1);
	for (size_t i = 0; i < PLACE_PARTS_MAX + 10; i++)
		place_pop(&w);
	assert_int_equal(w.n_parts, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_of_the_top_is_one),
		cmocka_unit_test(line_of_members_is_that_of_their_keys),
		cmocka_unit_test(line_of_elements_is_their_own),
		cmocka_unit_test(line_of_a_key_with_escapes_is_found),
		cmocka_unit_test(line_of_what_is_not_there_is_that_of_the_container),
		cmocka_unit_test(line_with_brackets_in_strings_is_right),
		cmocka_unit_test(text_joins_parts_with_dots),
		cmocka_unit_test(text_quotes_unusual_keys),
		cmocka_unit_test(text_cuts_long_keys_between_characters),
		cmocka_unit_test(place_deeper_than_its_parts_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
