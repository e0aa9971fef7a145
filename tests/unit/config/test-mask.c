/* SPDX-License-Identifier: MIT */
#include "config/mask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/text.h"
#include "config/secret.h"

/* JSON from a text with ' instead of ". */
static json_t *json_of(const char *text)
{
	cleanup_free char *copy = strdup(text);
	json_t *value;

	assert_non_null(copy);
	for (char *c = copy; *c; c++) {
		if (*c == '\'')
			*c = '"';
	}
	value = json_loads(copy, JSON_DECODE_ANY, NULL);
	assert_non_null(value);
	return value;
}

static void assert_masked(const char *source, const char *expected)
{
	cleanup_json json_t *value = json_of(source);
	cleanup_json json_t *masked = config_mask(value);
	cleanup_json json_t *wanted = json_of(expected);
	cleanup_free char *got = json_dumps(masked, JSON_COMPACT);

	if (!json_equal(masked, wanted))
		fail_msg("%s", got);
	assert_int_equal(config_has_secrets(value), !json_equal(value, wanted));
}

static void secret_is_told_by_its_name(void **state)
{
	static const char *const secrets[] = {"token",       "token_previous", "GITHUB_TOKEN",
					      "DB_PASSWORD", "Secret_Key",     "api_key",
					      "MY_APIKEY",   "DB_PASS",        "db_pwd",
					      "passphrase",  "STRIPE_KEY",     "PASSWD_RAIDA"};
	static const char *const plain[] = {"token_file", "PATH",      "PWD",         "DB_HOST",
					    "keep",       "compass_x", "SECRET_PATH", "monkey"};
	cleanup_json json_t *text = json_string("x");
	cleanup_json json_t *number = json_integer(7);
	cleanup_json json_t *empty = json_string("");

	for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
		assert_true(secret_is(secrets[i], text));
		assert_true(secret_is(secrets[i], number));
		assert_false(secret_is(secrets[i], empty));
		assert_false(secret_is(secrets[i], json_true()));
	}
	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		assert_false(secret_is(plain[i], text));
	assert_false(secret_is(NULL, text));
}

static void url_with_a_password_is_a_secret_anywhere(void **state)
{
	static const char *const secrets[] = {"postgres://shop:hunter2@db/shop",
					      "https://u:p@example.org",
					      "x --db=redis://:pw@h:1/0"};
	static const char *const plain[] = {"https://example.org:80/a@b", "https://user@host/",
					    "a:b@c", "https://example.org/x?y=a:b@c",
					    "http://u:@h/"};

	for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
		cleanup_json json_t *value = json_string(secrets[i]);

		assert_true(secret_is("x", value));
		assert_true(secret_is(NULL, value));
	}
	for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
		cleanup_json json_t *value = json_string(plain[i]);

		assert_false(secret_is("x", value));
	}
}

static void mask_stands_for_each_secret(void **state)
{
	assert_masked(
		"{'processes': {'s': {'command': 'p', 'env': {'A': 1, 'DB_PASSWORD': 'x'},"
		" 'args': ['-x', 'redis://:pw@h/0']}}, 'webhooks': {'h': {'token': 't', 'path':"
		" '.'}}}",
		"{'processes': {'s': {'command': 'p', 'env': {'A': 1, 'DB_PASSWORD': {'$keep':"
		" true}}, 'args': ['-x', {'$keep': true}]}}, 'webhooks': {'h': {'token': {'$keep':"
		" true}, 'path': '.'}}}");
	assert_masked("{'dashboard': {'args': {'port': 1, 'token': 'abc123'}}}",
		      "{'dashboard': {'args': {'port': 1, 'token': {'$keep': true}}}}");
	assert_masked("{'processes': {'token': {'command': 'p'}}}",
		      "{'processes': {'token': {'command': 'p'}}}");
}

static void variable_that_a_secret_consists_of_is_one(void **state)
{
	assert_masked(
		"{'env': {'hook': 'abc', 'other': 'x'}, 'webhooks': {'h': {'token': '${hook}',"
		" 'path': '${other}'}}}",
		"{'env': {'hook': {'$keep': true}, 'other': 'x'}, 'webhooks': {'h': {'token':"
		" '${hook}', 'path': '${other}'}}}");
}

static void unmask_puts_back_what_was_there(void **state)
{
	cleanup_json json_t *old = json_of(
		"{'env': {'TOKEN': 'abc'}, 'a': {'args': ['x', 'redis://:pw@h/0'], 'n': 1}}");
	cleanup_json json_t *masked = config_mask(old);
	cleanup_json json_t *back = NULL;

	assert_false(json_equal(masked, old));
	assert_int_equal(config_unmask(masked, old, &back, NULL), 0);
	assert_true(json_equal(back, old));
}

static void unmask_keeps_what_the_caller_changed(void **state)
{
	cleanup_json json_t *old = json_of("{'env': {'TOKEN': 'abc', 'A': 1}}");
	cleanup_json json_t *sent = json_of("{'env': {'TOKEN': {'$keep': true}, 'A': 2, 'B': 3}}");
	cleanup_json json_t *expected = json_of("{'env': {'TOKEN': 'abc', 'A': 2, 'B': 3}}");
	cleanup_json json_t *back = NULL;

	assert_int_equal(config_unmask(sent, old, &back, NULL), 0);
	assert_true(json_equal(back, expected));
}

static void unmask_of_what_was_not_there_is_an_error(void **state)
{
	cleanup_json json_t *old = json_of("{'env': {'TOKEN': 'abc'}}");
	cleanup_json json_t *sent = json_of("{'env': {'OTHER': [{'$keep': true}]}}");
	cleanup_json json_t *back = NULL;
	struct error err = {0};

	assert_int_equal(config_unmask(sent, old, &back, &err), -EINVAL);
	assert_null(back);
	assert_string_equal(err.text,
			    "env.OTHER.0: there is no earlier value to keep: write it out");
}

static void very_deep_json_is_refused(void **state)
{
	cleanup_text struct text t = {0};
	cleanup_json json_t *deep = NULL;
	cleanup_json json_t *back = NULL;
	struct error err = {0};

	for (int i = 0; i < 1000; i++)
		text_add(&t, "[");
	for (int i = 0; i < 1000; i++)
		text_add(&t, "]");
	deep = json_loads(t.data, 0, NULL);
	assert_non_null(deep);
	assert_null(config_mask(deep));
	assert_int_equal(config_unmask(deep, deep, &back, &err), -EINVAL);
	assert_non_null(strstr(err.text, "nested too deep"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secret_is_told_by_its_name),
		cmocka_unit_test(url_with_a_password_is_a_secret_anywhere),
		cmocka_unit_test(mask_stands_for_each_secret),
		cmocka_unit_test(variable_that_a_secret_consists_of_is_one),
		cmocka_unit_test(unmask_puts_back_what_was_there),
		cmocka_unit_test(unmask_keeps_what_the_caller_changed),
		cmocka_unit_test(unmask_of_what_was_not_there_is_an_error),
		cmocka_unit_test(very_deep_json_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
