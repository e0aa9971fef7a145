/* SPDX-License-Identifier: MIT */
#include "config/address.h"
#include "config/pattern.h"
#include "config/scalar.h"
#include "config/template.h"
#include "config/vector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/json.h"
#include "lib/text.h"

static void address_takes_numbers_and_paths_to_bind(void **state)
{
	static const char *const good[] = {"127.0.0.1:80",   "0.0.0.0:65535",  "[::]:443",
					   "[fe80::1]:8080", "/run/shop.sock", "/"};
	static const char *const bad[] = {"",
					  "80",
					  ":80",
					  "localhost:80",
					  "127.0.0.1",
					  "127.0.0.1:",
					  "::1:80",
					  "[::1]",
					  "[::1]80",
					  "127.0.0.1:0",
					  "127.0.0.1:65536",
					  "1.2.3:80",
					  "[]:80",
					  "[1.2.3.4]:1",
					  "shop.sock",
					  "127.0.0.1:80 ",
					  "127.0.0.1:+80",
					  "[::1]]:80"};

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(address_is_bindable(good[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(address_is_bindable(bad[i]));
}

static void address_of_a_socket_has_an_end(void **state)
{
	char path[ADDRESS_PATH_MAX + 2] = "/";

	memset(path + 1, 'a', ADDRESS_PATH_MAX - 1);
	assert_true(address_is_bindable(path));
	path[ADDRESS_PATH_MAX] = 'a';
	assert_false(address_is_bindable(path));
}

static void address_of_a_probe_may_be_localhost_and_a_slots_port(void **state)
{
	assert_true(address_is_target("localhost:80"));
	assert_true(address_is_target("127.0.0.1:${PORT}"));
	assert_true(address_is_target("[::1]:1"));
	assert_false(address_is_target("example.org:80"));
	assert_false(address_is_target("localhost"));
	assert_false(address_is_target("localhost:${PORTS}"));
	assert_false(address_is_target("localhost:${PORT}0"));
}

static void number_has_digits_only_and_an_end(void **state)
{
	uint64_t n;

	assert_true(address_number("65535", 65535, &n));
	assert_int_equal(n, 65535);
	assert_true(address_number("007", 10, &n));
	assert_false(address_number("65536", 65535, &n));
	assert_false(address_number("", 10, &n));
	assert_false(address_number("99999999999999999999999999", UINT32_MAX, &n));
	assert_false(address_number("-1", 10, &n));
	assert_false(address_number("1 ", 10, &n));
}

static void pattern_that_is_fine_has_no_fault(void **state)
{
	static const char *const good[] = {"ready",
					   "^listening on [0-9]{2,5}$",
					   "(a|b)+c?",
					   "a\\{",
					   "a{10}b{99}",
					   "a+b+c+d+e+f+g+h+i+j+k+l+m+n+",
					   "[]{5,9}({9,9}]+x{1,99}",
					   "^[^/]*/admin"};
	char buf[PATTERN_FAULT_MAX];

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_null(pattern_fault(good[i], buf));
}

static void pattern_that_costs_too_much_is_refused(void **state)
{
	char buf[PATTERN_FAULT_MAX];
	char long_one[300];

	memset(long_one, 'a', sizeof(long_one));
	long_one[299] = 0;
	assert_non_null(pattern_fault("((a{1,255}){1,255}){1,255}", buf));
	assert_non_null(pattern_fault("a{0,1001}", buf));
	assert_non_null(pattern_fault("((((((((((a+)+)+)+)+)+)+)+)+)+)+", buf));
	assert_non_null(pattern_fault("((a{1,100}[)]){1,100}[)]){1,100}", buf));
	assert_non_null(pattern_fault("((a{1,100}[])]){1,100}[^])]){1,100}", buf));
	assert_non_null(pattern_fault("((a{1,100}[[:alpha:])]){1,100}[[.].])]){1,100}", buf));
	assert_non_null(pattern_fault("a{99999999999999999999}", buf));
	assert_non_null(pattern_fault("(a)\\1", buf));
	assert_non_null(pattern_fault("a**", buf));
	assert_non_null(pattern_fault(".*?", buf));
	assert_non_null(pattern_fault("a{2}{3}", buf));
	assert_null(pattern_fault("a\\**[*+]*\\\\+(b*)*", buf));
	assert_non_null(pattern_fault(long_one, buf));
	assert_null(pattern_fault("a\\\\1", buf));
}

static void pattern_that_is_broken_says_what_is_wrong(void **state)
{
	char buf[PATTERN_FAULT_MAX];

	assert_string_equal(pattern_fault("(a", buf), "Unmatched ( or \\(");
	assert_non_null(pattern_fault("[a", buf));
}

static void scalar_is_written_as_a_person_would(void **state)
{
	static const struct {
		const char *json;
		const char *text;
	} rows[] = {{"\"a b\"", "a b"},
		    {"7", "7"},
		    {"-9223372036854775808", "-9223372036854775808"},
		    {"0.1", "0.1"},
		    {"1.5", "1.5"},
		    {"1e300", "1e+300"},
		    {"true", "true"},
		    {"false", "false"},
		    {"0.30000000000000004", "0.30000000000000004"}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cleanup_json json_t *value = json_loads(rows[i].json, JSON_DECODE_ANY, NULL);
		cleanup_free char *text = scalar_text(value);

		assert_string_equal(text, rows[i].text);
	}
}

static void scalar_is_no_container(void **state)
{
	static const char *const texts[] = {"null", "[]", "{}"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		cleanup_json json_t *value = json_loads(texts[i], JSON_DECODE_ANY, NULL);

		errno = 0;
		assert_null(scalar_text(value));
		assert_int_equal(errno, EINVAL);
	}
}

static void argument_may_be_any_json(void **state)
{
	cleanup_json json_t *value =
		json_loads("{\"host\": \"::\", \"port\": 7500, \"b\": [null, 1.5]}", 0, NULL);
	cleanup_free char *text = scalar_argument(value);

	assert_string_equal(text, "{\"host\":\"::\",\"port\":7500,\"b\":[null,1.5]}");
}

/* The pieces of a text: "text|" and "<variable>" and "!open". */
static char *pieces(const char *s)
{
	struct text t = {0};

	for (struct template_piece p; *s; s += p.n_consumed) {
		p = template_next(s);
		assert_true(p.n_consumed > 0);
		assert_true(p.n_consumed <= strlen(s));
		if (p.kind == TEMPLATE_TEXT)
			text_addf(&t, "%.*s|", (int)p.text.len, p.text.s);
		else if (p.kind == TEMPLATE_VARIABLE)
			text_addf(&t, "<%.*s>", (int)p.text.len, p.text.s);
		else
			text_addf(&t, "!%.*s", (int)p.text.len, p.text.s);
	}
	return text_take(&t);
}

static void template_is_cut_into_pieces(void **state)
{
	static const struct {
		const char *text;
		const char *pieces;
	} rows[] = {
		{"plain", "plain|"},
		{"${a}", "<a>"},
		{"x${a}y${b.c.0}", "x|<a>y|<b.c.0>"},
		{"${.ports.0}", "<.ports.0>"},
		{"${ENV:HOME}/x", "<ENV:HOME>/x|"},
		{"$${a}", "${|a}|"},
		{"x$${a}", "x|${|a}|"},
		{"$$${a}", "$|${|a}|"},
		{"$a ${", "$a |!${"},
		{"${f%.js}", "${|f%.js}|"},
		{"${}", "${|}|"},
		{"${PORT}", "${|PORT}|"},
		{"${PORTS}", "<PORTS>"},
		{"${a${b}}", "${|a|<b>}|"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cleanup_free char *got = pieces(rows[i].text);

		assert_string_equal(got, rows[i].pieces);
	}
}

static void vector_grows_and_compares(void **state)
{
	cleanup_strings char **a = NULL;
	cleanup_strings char **b = NULL;

	assert_true(strings_equal(a, b));
	assert_int_equal(strings_add(&a, strdup("x")), 0);
	assert_false(strings_equal(a, b));
	assert_int_equal(strings_add(&b, strdup("y")), 0);
	assert_false(strings_equal(a, b));
	assert_int_equal(strings_add(&a, NULL), -ENOMEM);
	assert_true(strings_len(a) == 1);
	assert_int_equal(strings_join(&a, &b), 0);
	assert_null(b);
	assert_string_equal(a[1], "y");
	assert_int_equal(strings_join(&a, &b), 0);
	assert_true(strings_len(a) == 2);
	assert_int_equal(strings_join(&b, &a), 0);
	assert_null(a);
	assert_true(strings_len(b) == 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(address_takes_numbers_and_paths_to_bind),
		cmocka_unit_test(address_of_a_socket_has_an_end),
		cmocka_unit_test(address_of_a_probe_may_be_localhost_and_a_slots_port),
		cmocka_unit_test(number_has_digits_only_and_an_end),
		cmocka_unit_test(pattern_that_is_fine_has_no_fault),
		cmocka_unit_test(pattern_that_costs_too_much_is_refused),
		cmocka_unit_test(pattern_that_is_broken_says_what_is_wrong),
		cmocka_unit_test(scalar_is_written_as_a_person_would),
		cmocka_unit_test(scalar_is_no_container),
		cmocka_unit_test(argument_may_be_any_json),
		cmocka_unit_test(template_is_cut_into_pieces),
		cmocka_unit_test(vector_grows_and_compares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
