/* SPDX-License-Identifier: MIT */
#include "config/interpolate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/text.h"
#include "config/place.h"
#include "tests/unit/config/config-text.h"

/* The words of argv of the first process. */
static char *words_of(const char *text)
{
	struct config *c = config_of(text);
	struct text t = {0};

	for (char **word = c->processes[0].argv; *word; word++)
		text_addf(&t, "[%s]", *word);
	config_unref(c);
	return text_take(&t);
}

static void assert_words(const char *text, const char *expected)
{
	cleanup_free char *words = words_of(text);

	assert_string_equal(words, expected);
}

static void variable_of_env_is_replaced(void **state)
{
	assert_words("{'env': {'a': 'x y', 'n': 7, 'f': 1.5, 'b': true},"
		     " 'processes': {'s': {'command': 'p', 'args': ['${a}', '-${n}-${f}-${b}']}}}",
		     "[p][x y][-7-1.5-true]");
}

static void variable_alone_takes_the_type(void **state)
{
	struct config *c =
		config_of("{'env': {'port': 8081, 'list': ['x', 2]}, 'processes': {'s': {"
			  "'command': 'p', 'ports': ['${port}'], 'args': '${list}'}}}");

	assert_int_equal(c->processes[0].n_ports, 1);
	assert_int_equal(c->processes[0].ports[0], 8081);
	assert_string_equal(c->processes[0].argv[2], "2");
	config_unref(c);
}

static void variable_with_a_path_starts_at_a_process(void **state)
{
	assert_words("{'processes': {'s': {'command': 'p', 'args': ['${db.ports.0}',"
		     " '${processes.db.ports.1}']},"
		     " 'db': {'command': 'd', 'ports': [5432, 5433]}}}",
		     "[p][5432][5433]");
}

static void variable_with_a_dot_is_the_processes_own(void **state)
{
	assert_words("{'processes': {'s': {'command': 'p', 'ports': [1, 2],"
		     " 'args': {'port': '${.ports.1}', 'x': ['${.command}']}}}}",
		     "[p][{\"port\":2,\"x\":[\"p\"]}]");
}

static void variable_found_elsewhere_means_its_own_process(void **state)
{
	assert_words("{'processes': {'s': {'command': 'p', 'args': '${t.args}', 'ports': [1]},"
		     " 't': {'command': 'q', 'args': ['${.ports.0}'], 'ports': [2]}}}",
		     "[p][2]");
}

static void variable_of_env_does_not_hide_a_process(void **state)
{
	assert_words("{'env': {'db': 'name'}, 'processes': {"
		     "'s': {'command': 'p', 'args': ['${db}', '${db.ports.0}']},"
		     "'db': {'command': 'd', 'ports': [5432]}}}",
		     "[p][name][5432]");
}

static void variable_of_the_environment_is_text(void **state)
{
	assert_int_equal(setenv("SLICEKEEP_TEST_PORT", "8080", 1), 0);
	assert_words("{'processes': {'s': {'command': 'p', 'args': ['${ENV:SLICEKEEP_TEST_PORT}'],"
		     " 'ports': ['${ENV:SLICEKEEP_TEST_PORT}']}}}",
		     "[p][8080]");
	assert_int_equal(unsetenv("SLICEKEEP_TEST_PORT"), 0);
}

static void variable_of_our_daemons_needs_no_ports(void **state)
{
	assert_words("{'dashboard': {'listen': ['127.0.0.1:7604', '[::1]:7604']}, 'processes': {"
		     "'s': {'command': 'p', 'args': ['${ci.ports.0}', '${dashboard.ports.0}']}}}",
		     "[p][7501][7604]");
	assert_words("{'router': {'listen': '[::]:443'}, 'processes': {"
		     "'s': {'command': 'p', 'args': ['${router.ports.0}']}}}",
		     "[p][443]");
	assert_non_null(
		strstr(config_error("{'processes': {'s': {'command': '${router.ports.0}'}}}"),
		       "unresolved variable"));
}

static void variable_port_stays_for_the_supervisor(void **state)
{
	assert_words("{'processes': {'s': {'command': 'p', 'args': ['--port=${PORT}'],"
		     " 'ports': ['${PORT}']}}}",
		     "[p][--port=${PORT}]");
}

static void variable_after_two_dollars_is_text(void **state)
{
	assert_words("{'processes': {'s': {'command': 'sh', 'args': ['-c', 'echo $${HOME}']}}}",
		     "[sh][-c][echo ${HOME}]");
}

static void braces_around_no_name_are_text(void **state)
{
	assert_words("{'processes': {'s': {'command': 'sh', 'args': ['-c', '${f%.ls} ${#a}']}}}",
		     "[sh][-c][${f%.ls} ${#a}]");
}

static void variable_in_a_key_is_replaced(void **state)
{
	struct config *c = config_of("{'env': {'host': 'example.org'}, 'processes': {},"
				     " 'router': {'routes': {'^${host}/': 8080}}}");

	assert_non_null(json_object_get(json_object_get(c->router, "routes"), "^example.org/"));
	config_unref(c);
	assert_config_error("{'env': {'a': 'x'}, 'processes': {}, 'router': {'webroots':"
			    " {'x/': 1, '${a}/': 2}}}",
			    "1: router.webroots[\"${a}/\"]: this makes 'x/' a key twice");
}

static void commands_leave_the_shells_variables_alone(void **state)
{
	struct config *c =
		config_of("{'env': {'target': 'dist'}, 'processes': {}, 'webhooks': {'s':"
			  " {'token': 't', 'path': '.', 'commands':"
			  " 'for f in *; do cp ${f} ${target}/${f%.x} ${; done'}}}");

	assert_string_equal(
		json_string_value(json_object_get(json_object_get(c->hooks, "s"), "commands")),
		"for f in *; do cp ${f} dist/${f%.x} ${; done");
	config_unref(c);
}

static void unresolved_variable_is_an_error(void **state)
{
	assert_config_error("{'processes': {'s': {\n'command': '${nothing}'}}}",
			    "2: processes.s.command: unresolved variable '${nothing}': nothing of "
			    "that name in 'env' or in the file (text for a shell is written "
			    "'$${nothing}')");
	assert_config_error(
		"{'processes': {'s': {'command': '${ENV:SLICEKEEP_NO_SUCH}'}}}",
		"1: processes.s.command: unresolved variable '${ENV:SLICEKEEP_NO_SUCH}': "
		"not in the environment");
	assert_config_error("{'processes': {'s': {'command': 'x${'}}}",
			    "1: processes.s.command: '${' without a '}' (text for a shell is "
			    "written '$${')");
}

static void unresolved_variable_suggests_what_was_meant(void **state)
{
	assert_config_error("{'env': {'infoagport': 1}, 'processes': {'s': {'command': 'c',"
			    " 'args': ['a',\n '${infoagprt}']}}}",
			    "2: processes.s.args.1: unresolved variable '${infoagprt}', did you "
			    "mean '${infoagport}'?");
	assert_config_error(
		"{'processes': {'s': {'command': '${shpo.ports.0}'},"
		" 'shop': {'command': 'x', 'ports': [1]}}}",
		"1: processes.s.command: unresolved variable '${shpo.ports.0}', did you "
		"mean '${shop.ports.0}'?");
	assert_int_equal(setenv("SLICEKEEP_TEST", "1", 1), 0);
	assert_config_error("{'processes': {'s': {'command': '${SLICEKEEP_TEST}'}}}",
			    "1: processes.s.command: unresolved variable '${SLICEKEEP_TEST}', did "
			    "you mean '${ENV:SLICEKEEP_TEST}'? (text for a shell is written "
			    "'$${SLICEKEEP_TEST}')");
	assert_int_equal(unsetenv("SLICEKEEP_TEST"), 0);
}

static void malformed_names_are_unresolved(void **state)
{
	static const char *const names[] = {".",        "..",        "s.",        ".x.",
					    "s..ports", "s.ports.9", "s.ports.x", "s.ports.0.1",
					    "ENV:",     "env",       ":",         "s.ports.-1"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char text[256];

		(void)snprintf(text, sizeof(text),
			       "{'processes': {'s': {'command': 'x${%s}', 'ports': [1]}}}",
			       names[i]);
		assert_non_null(strstr(config_error(text), "unresolved variable"));
	}
}

static void very_long_name_is_unresolved(void **state)
{
	char name[1000], text[1200];

	memset(name, 'a', sizeof(name));
	name[999] = 0;
	(void)snprintf(text, sizeof(text), "{'processes': {'s': {'command': '${%s}'}}}", name);
	assert_non_null(strstr(config_error(text), "unresolved variable"));
	memcpy(name, "ENV:", 4);
	(void)snprintf(text, sizeof(text), "{'processes': {'s': {'command': '${%s}'}}}", name);
	assert_non_null(strstr(config_error(text), "unresolved variable"));
}

static void containers_have_no_place_inside_of_a_text(void **state)
{
	assert_config_error("{'env': {'l': [1]}, 'processes': {'s': {'command': 'x${l}'}}}",
			    "1: processes.s.command: '${l}' is an array, which has no place inside "
			    "of a text");
}

static void circle_is_named(void **state)
{
	assert_config_error("{'env': {'a': '${b}',\n 'b': 'x${c}',\n 'c': '${a}'},"
			    " 'processes': {'s': {'command': '${a}'}}}",
			    "1: env.a: variables lead in a circle: b -> c -> a -> b");
	assert_config_error("{'env': {'a': {'x': ['${a}']}}, 'processes': {}}",
			    "1: env.a.x.0: variables lead in a circle: a -> a");
	assert_config_error("{'processes': {'s': {'command': '${.command}'}}}",
			    "1: processes.s.command: variables lead in a circle: .command -> "
			    ".command");
}

static void long_chains_have_an_end(void **state)
{
	cleanup_text struct text t = {0};

	text_add(&t, "{'env': {");
	for (int i = 0; i < 40; i++)
		text_addf(&t, "'v%d': '${v%d}', ", i, i + 1);
	text_add(&t, "'v40': 1}, 'processes': {}}");
	assert_config_error(t.data, "1: env.v0: variable '${v17}' leads through too many others");
}

static void variables_that_multiply_have_an_end(void **state)
{
	cleanup_text struct text t = {0};

	text_add(&t, "{'env': {'v15': 'xxxxxxxx', ");
	for (int i = 0; i < 15; i++)
		text_addf(&t, "%s'v%d': '${v%d}${v%d}${v%d}${v%d}'", i > 0 ? ", " : "", i, i + 1,
			  i + 1, i + 1, i + 1);
	text_add(&t, "}, 'processes': {}}");
	assert_non_null(strstr(config_error(t.data), "more than 100000 variables"));
}

static void bytes_that_multiply_have_an_end(void **state)
{
	cleanup_text struct text t = {0};

	text_add(&t, "{'env': {'big': '");
	for (int i = 0; i < 10000; i++)
		text_add(&t, "xxxxxxxxxx");
	text_add(&t, "'}, 'processes': {'s': {'command': 'c', 'args': [0");
	for (int i = 0; i < 200; i++)
		text_add(&t, ", '${big}${big}'");
	text_add(&t, "]}}}");
	assert_non_null(strstr(config_error(t.data), "variables add up to more than 16 MB"));
}

static void containers_that_multiply_have_an_end(void **state)
{
	cleanup_text struct text t = {0};

	text_add(&t, "{'env': {'v9': [0, 0, 0, 0, 0, 0, 0, 0, 0, 0], ");
	for (int i = 0; i < 9; i++) {
		text_addf(&t, "%s'v%d': [", i > 0 ? ", " : "", i);
		for (int k = 0; k < 10; k++)
			text_addf(&t, "%s'${v%d}'", k > 0 ? ", " : "", i + 1);
		text_add(&t, "]");
	}
	text_add(&t, "}, 'processes': {}}");
	assert_non_null(config_error(t.data));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variable_of_env_is_replaced),
		cmocka_unit_test(variable_alone_takes_the_type),
		cmocka_unit_test(variable_with_a_path_starts_at_a_process),
		cmocka_unit_test(variable_with_a_dot_is_the_processes_own),
		cmocka_unit_test(variable_found_elsewhere_means_its_own_process),
		cmocka_unit_test(variable_of_env_does_not_hide_a_process),
		cmocka_unit_test(variable_of_the_environment_is_text),
		cmocka_unit_test(variable_of_our_daemons_needs_no_ports),
		cmocka_unit_test(variable_port_stays_for_the_supervisor),
		cmocka_unit_test(variable_after_two_dollars_is_text),
		cmocka_unit_test(braces_around_no_name_are_text),
		cmocka_unit_test(variable_in_a_key_is_replaced),
		cmocka_unit_test(commands_leave_the_shells_variables_alone),
		cmocka_unit_test(unresolved_variable_is_an_error),
		cmocka_unit_test(unresolved_variable_suggests_what_was_meant),
		cmocka_unit_test(malformed_names_are_unresolved),
		cmocka_unit_test(very_long_name_is_unresolved),
		cmocka_unit_test(containers_have_no_place_inside_of_a_text),
		cmocka_unit_test(circle_is_named),
		cmocka_unit_test(long_chains_have_an_end),
		cmocka_unit_test(variables_that_multiply_have_an_end),
		cmocka_unit_test(bytes_that_multiply_have_an_end),
		cmocka_unit_test(containers_that_multiply_have_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
