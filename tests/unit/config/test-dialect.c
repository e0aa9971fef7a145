/* SPDX-License-Identifier: MIT */
#include "config/dialect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/text.h"
#include "tests/unit/config/config-text.h"

/* A member of a member as compact JSON text. */
static void assert_member(const json_t *object, const char *key, const char *expected)
{
	cleanup_free char *got =
		json_dumps(json_object_get(object, key), JSON_COMPACT | JSON_ENCODE_ANY);

	assert_non_null(got);
	assert_string_equal(got, expected);
}

static void flat_file_has_a_process_for_each_key(void **state)
{
	struct config *c =
		config_of("{'env': {'p': 1}, 'a': {'command': 'p', 'ports': ['${p}']},"
			  " 'b': {'command': 'q', 'args': ['${a.ports.0}', '${.ports.0}'],"
			  " 'ports': [2]}}");

	assert_int_equal(c->n_processes, 2);
	assert_string_equal(c->processes[0].name, "a");
	assert_string_equal(c->processes[1].argv[1], "1");
	assert_string_equal(c->processes[1].argv[2], "2");
	config_unref(c);
}

static void seed_example_is_accepted_unchanged(void **state)
{
	static const char path[] = TEST_DATA "/adabru-server/.config/_config.json";
	const struct config_rules rules = {.check_files = true};
	struct config *c = NULL;
	struct error err = {0};
	const struct config_process *certbot;

	if (config_load(path, &rules, &c, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(c->n_processes, 1);
	assert_string_equal(c->folder, TEST_DATA "/adabru-server");
	certbot = config_find(c, "certbot");
	assert_string_equal(certbot->argv[0], "node");
	assert_string_equal(certbot->argv[1], TEST_DATA "/certbot/server.js");
	assert_string_equal(certbot->argv[2], "7505");
	assert_null(certbot->argv[3]);
	assert_string_equal(certbot->cwd, TEST_DATA "/certbot");
	assert_int_equal(certbot->ports[0], 7505);
	assert_member(c->ci, "listen", "[\"127.0.0.1:7501\",\"[::1]:7501\"]");
	assert_member(c->dashboard, "listen", "[\"127.0.0.1:7504\",\"[::1]:7504\"]");
	assert_member(c->dashboard, "token", "\"abc123\"");
	assert_member(c->router, "listen", "\"[::]:7500\"");
	assert_member(c->router, "http_redirect", "7080");
	assert_member(c->router, "routes",
		      "{\"^[^/]*/admin\":7504,\"^[^/]*/.well-known/acme-challenge\":7505,"
		      "\"^[^/]*/webhook/\":7501}");
	assert_member(c->router, "webroots", "{\"localhost/some/service\":8000}");
	assert_member(json_object_get(c->hooks, "ci"), "token", "\"abc123\"");
	assert_non_null(strstr(
		json_string_value(json_object_get(json_object_get(c->hooks, "ci"), "commands")),
		".build/${f%.ls}.js"));
	config_unref(c);
}

static void other_dialect_has_processes_beside_env_and_webhooks(void **state)
{
	struct config *c = config_of(
		"{'env': {'infoagport': 8081}, 'processes': {'infoaghh': {'script':"
		" '../infoaghh/main.js', 'cwd': '../infoaghh', 'args': ['::1', '${infoagport}']}},"
		" 'webhooks': {'infoaghh': {'token': 'abc123', 'path': '../infoaghh', 'commands':"
		" 'npm install\\nlsc -c'}}}");

	assert_string_equal(c->processes[0].argv[0], "node");
	assert_string_equal(c->processes[0].argv[3], "8081");
	assert_non_null(json_object_get(c->hooks, "infoaghh"));
	config_unref(c);
}

static void complaints_name_the_place_as_it_was_written(void **state)
{
	assert_config_error("{'shop': {'command': 'p',\n 'webhook': {'token': 't', 'path': '.',\n"
			    " 'mode': 'x'}}}",
			    "3: shop.webhook.mode: unknown 'x': one of 'in_place', 'releases'");
	assert_config_error("{'ci': {'ports': [1], 'webhook': {\n'path': '.'}}}",
			    "1: ci.webhook: needs a 'token' or a 'token_file': without a secret "
			    "anybody could deploy");
	assert_config_error("{'shop': {\n'comand': 'p'}}",
			    "2: shop.comand: unknown key, did you mean 'command'?");
	assert_config_error("{'router': {'args': {\n'port': 1, 'routes': {\n'(': 1}}}}",
			    "3: router.args.routes[\"(\"]: '(' cannot be used: Unmatched ( or \\(");
	assert_config_error("{'a': {'command': 'p', 'after': [\n'b']},\n"
			    "'b': {'command': 'p', 'after': ['a']}}",
			    "1: a.after: processes wait for each other in a circle: a -> b -> a");
}

static void daemons_of_the_flat_file_are_checked(void **state)
{
	static const char *const rows[][2] = {
		{"'ci': 7", "1: ci: must be an object, not an integer"},
		{"'ci': {'ports': 7501}", "1: ci.ports: must be an array of ports, not an integer"},
		{"'ci': {'ports': ['x']}", "1: ci.ports.0: must be a port, not a string"},
		{"'dashboard': {'ports': [70000]}", "1: dashboard.ports.0: 70000 is no port: 1 to "
						    "65535"},
		{"'router': {'args': []}", "1: router.args: must be an object, not an array"},
		{"'router': {'args': {'port': 'x'}}", "1: router.args.port: must be a port, not a "
						      "string"},
		{"'router': {'args': {'port': 1, 'host': 2}}",
		 "1: router.args.host: must be an address, not an integer"},
		{"'router': {'args': {'port': 1, 'http_redirect': '80>443'}}",
		 "1: router.args.http_redirect: '80>443' is not of the form \"FROM->TO\""},
		{"'router': {'args': {'route': {}}}",
		 "1: router.args.route: unknown key, did you mean 'routes'?"},
		{"'router': {'args': {'x': {}}}", "1: router.args.x: unknown key"},
		{"'dashboard': {'args': {'token': 7}}",
		 "1: dashboard.args.token: must be a string, "
		 "not an integer"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[256];

		(void)snprintf(text, sizeof(text), "{%s}", rows[i][0]);
		assert_config_error(text, rows[i][1]);
	}
}

static void sections_may_stand_in_a_flat_file(void **state)
{
	struct config *c =
		config_of("{'shop': {'command': 'p', 'slice': 'web'}, 'slices': {'web': {}},"
			  " 'log': {'max_total': '1G', 'script': 'x.js', 'ports': [1, 2]},"
			  " 'dashboard': {'listen': '127.0.0.1:5'}}");

	assert_int_equal(c->n_processes, 1);
	assert_int_equal(c->log_max_total_bytes, 1 << 30);
	assert_member(c->dashboard, "listen", "\"127.0.0.1:5\"");
	config_unref(c);
}

static void router_without_a_host_is_on_loopback(void **state)
{
	struct config *c = config_of("{'router': {'args': {'port': 7500}}}");

	assert_member(c->router, "listen", "\"[::1]:7500\"");
	config_unref(c);
	c = config_of("{'router': {'ports': [7500]}}");
	assert_member(c->router, "listen", "[\"127.0.0.1:7500\",\"[::1]:7500\"]");
	config_unref(c);
	c = config_of(
		"{'router': {'args': {'port': 7500, 'host': '0.0.0.0', 'http_redirect': 80}}}");
	assert_member(c->router, "listen", "\"0.0.0.0:7500\"");
	assert_member(c->router, "http_redirect", "80");
	config_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flat_file_has_a_process_for_each_key),
		cmocka_unit_test(seed_example_is_accepted_unchanged),
		cmocka_unit_test(other_dialect_has_processes_beside_env_and_webhooks),
		cmocka_unit_test(complaints_name_the_place_as_it_was_written),
		cmocka_unit_test(daemons_of_the_flat_file_are_checked),
		cmocka_unit_test(sections_may_stand_in_a_flat_file),
		cmocka_unit_test(router_without_a_host_is_on_loopback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
