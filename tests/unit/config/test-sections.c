/* SPDX-License-Identifier: MIT */
#include "config/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/text.h"
#include "tests/unit/config/config-text.h"

static void config_without_processes_is_one(void **state)
{
	struct config *c = config_of("{'processes': {}}");

	assert_int_equal(c->n_processes, 0);
	assert_null(config_find(c, "x"));
	assert_string_equal(c->path, "/srv/keep/config.json");
	assert_string_equal(c->text, "{\"processes\": {}}");
	config_unref(c);
	config_unref(config_of("{}"));
}

static void config_is_freed_by_its_last_owner(void **state)
{
	struct config *c = config_of("{'processes': {'s': {'command': 'p'}}}");

	assert_ptr_equal(config_ref(c), c);
	config_unref(c);
	assert_string_equal(config_find(c, "s")->name, "s");
	config_unref(c);
	config_unref(NULL);
}

static void unknown_section_suggests_the_nearest(void **state)
{
	assert_config_error("{'processes': {},\n 'slcies': {}}",
			    "2: slcies: unknown key, did you mean 'slices'?");
	assert_config_error("{'procesess': {'s': {'command': 'p'}}}",
			    "1: procesess: unknown section, did you mean 'processes'?");
}

static void names_are_checked(void **state)
{
	static const char *const bad[] = {
		"../x",     "A",
		"-x",       "_x",
		"",         "x y",
		"x.y",      "x/y",
		"\xc3\xa4", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	static const char *const reserved[] = {"supervisor", "ci", "log", "dashboard", "router"};
	char text[256];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		(void)snprintf(text, sizeof(text), "{'processes': {'%s': {'command': 'p'}}}",
			       bad[i]);
		assert_non_null(strstr(config_error(text), "no valid name: a-z, 0-9, '-' and '_'"));
	}
	for (size_t i = 0; i < ARRAY_LEN(reserved); i++) {
		(void)snprintf(text, sizeof(text), "{'processes': {'%s': {'command': 'p'}}}",
			       reserved[i]);
		assert_non_null(strstr(config_error(text), "one of slicekeep's own daemons"));
	}
	config_unref(config_of("{'processes': {'0a-b_c': {'command': 'p'}, 'system':"
			       " {'command': 'p'}}}"));
}

static void processes_keep_the_order_of_the_file(void **state)
{
	struct config *c = config_of("{'processes': {'z': {'command': 'p'}, 'a': {'command': 'p'},"
				     " 'm': {'command': 'p'}}}");

	assert_string_equal(c->processes[0].name, "z");
	assert_string_equal(c->processes[1].name, "a");
	assert_string_equal(c->processes[2].name, "m");
	config_unref(c);
}

static void after_names_what_exists(void **state)
{
	assert_config_error("{'processes': {'shop': {'command': 'p', 'after':\n ['xyz']},"
			    " 'db': {'command': 'd'}}}",
			    "2: processes.shop.after.0: no process 'xyz'");
	assert_config_error("{'processes': {'shop': {'command': 'p', 'after': ['postgers']},"
			    " 'postgres': {'command': 'd'}}}",
			    "1: processes.shop.after.0: no process 'postgers', did you mean "
			    "'postgres'?");
	assert_config_error("{'processes': {'s': {'command': 'p', 'after': ['s']}}}",
			    "1: processes.s.after.0: 's' cannot wait for itself");
	assert_config_error("{'processes': {'s': {'command': 'p', 'after': ['d', 'd']},"
			    " 'd': {'command': 'p'}}}",
			    "1: processes.s.after.1: 'd' is there twice");
}

static void circle_of_after_is_named(void **state)
{
	assert_config_error(
		"{'processes': {'x': {'command': 'p', 'after': ['a']},\n"
		"'a': {'command': 'p', 'after': ['b']},\n"
		"'b': {'command': 'p', 'after': ['ok', 'c']},\n"
		"'ok': {'command': 'p'},\n"
		"'c': {'command': 'p', 'after': ['a']}}}",
		"2: processes.a.after: processes wait for each other in a circle: a -> b "
		"-> c -> a");
}

static void diamond_of_after_is_no_circle(void **state)
{
	config_unref(config_of("{'processes': {'a': {'command': 'p', 'after': ['b', 'c']},"
			       " 'b': {'command': 'p', 'after': ['d']},"
			       " 'c': {'command': 'p', 'after': ['d']}, 'd': {'command': 'p'}}}"));
}

static void very_long_chain_of_after_needs_no_stack(void **state)
{
	cleanup_text struct text t = {0};

	text_add(&t, "{'processes': {'s0': {'command': 'p', 'after': ['s3999']}");
	for (int i = 1; i < 4000; i++)
		text_addf(&t, ",'s%d': {'command': 'p', 'after': ['s%d']}", i, i - 1);
	text_add(&t, "}}");
	assert_non_null(strstr(config_error(t.data), "in a circle: s0 -> s3999 -> s3998 -> "));
}

static void ports_of_two_processes_do_not_overlap(void **state)
{
	assert_config_error("{'processes': {'a': {'command': 'p', 'ports': [80, 81]},\n"
			    " 'b': {'command': 'p', 'ports': [\n82,\n81]}}}",
			    "4: processes.b.ports.1: port 81 belongs to 'a' already");
	assert_config_error("{'processes': {'a': {'command': 'p', 'ports': [80, 80]}}}",
			    "1: processes.a.ports.1: port 80 belongs to 'a' already");
	assert_config_error("{'processes': {'a': {'command': 'p', 'listen': '0.0.0.0:80'},"
			    " 'b': {'command': 'p', 'listen': '0.0.0.0:80'}}}",
			    "1: processes.b.listen.0: '0.0.0.0:80' is bound by 'a' already");
	config_unref(
		config_of("{'processes': {'a': {'command': 'p', 'ports': ['${PORT}', '${PORT}']},"
			  " 'b': {'command': 'p', 'ports': ['${PORT}']}}}"));
}

static void slices_are_read(void **state)
{
	struct config *c = config_of("{'slices': {'web': {'memory_max': '1G', 'cpu_weight': 200}},"
				     " 'processes': {'s': {'command': 'p', 'slice': 'web'}}}");

	assert_int_equal(c->n_slices, 1);
	assert_string_equal(c->slices[0].name, "web");
	assert_int_equal(c->slices[0].limits.memory_max, 1 << 30);
	assert_string_equal(c->processes[0].slice, "web");
	config_unref(c);
}

/* It has no folder of its own, and a rate without a disk would cap nothing. */
static void slices_with_a_rate_have_the_disk_of_the_config(void **state)
{
	struct config *c = config_of(
		"{'slices': {'a': {'io_write_max': '1M'}, 'b': {'io_read_max': '1M', 'io_path':"
		" '/mnt'}, 'c': {}}, 'processes': {}}");

	assert_string_equal(c->slices[0].limits.io_path, c->folder);
	assert_string_equal(c->slices[1].limits.io_path, "/mnt");
	assert_null(c->slices[2].limits.io_path);
	config_unref(c);
}

static void slices_are_checked(void **state)
{
	assert_config_error(
		"{'slices': {'web': {'open_files': 100}}, 'processes': {}}",
		"1: slices.web.open_files: unknown key; known are: memory_min memory_low "
		"memory_high memory_max swap_max cpu_weight cpu_quota cpus io_weight "
		"io_read_max io_write_max io_path tasks_max");
	assert_config_error(
		"{'slices': {'system': {}}, 'processes': {}}",
		"1: slices.system: the slice of slicekeep's own daemons: choose another "
		"name");
	assert_config_error("{'slices': {'Web': {}}, 'processes': {}}",
			    "1: slices.Web: no valid name: a-z, 0-9, '-' and '_', at most 48");
	assert_config_error("{'processes': {'s': {'command': 'p', 'slice': 'web'}}}",
			    "1: processes.s.slice: no slice 'web': add it to 'slices'");
}

static void hooks_are_kept_with_absolute_paths(void **state)
{
	struct config *c = config_of(
		"{'processes': {'s': {'command': 'p'}}, 'webhooks': {'shop': {'token': 't',"
		" 'path': '../shop', 'branch': 'main', 'provider': 'github', 'mode':"
		" 'releases', 'commands': ['npm ci', 'npm run build'], 'env': {'A': 1},"
		" 'user': 'shop', 'timeout': '10m', 'limits': {'memory_max': '1G'},"
		" 'services': ['s'], 'shared': ['data'], 'keep_releases': 5, 'poll': '5m',"
		" 'url': 'https://example.org/x.git'}, 'two': {'token_file': 'two.token',"
		" 'path': '/srv/two', 'commands': ''}}}");
	json_t *hook = json_object_get(c->hooks, "shop");

	assert_string_equal(json_string_value(json_object_get(hook, "path")), "/srv/shop");
	hook = json_object_get(c->hooks, "two");
	assert_string_equal(json_string_value(json_object_get(hook, "token_file")),
			    "/srv/keep/two.token");
	assert_string_equal(c->warnings[0], "webhooks: accepted, not carried out by this build");
	config_unref(c);
}

static void hook_of_a_process_has_its_name(void **state)
{
	struct config *c =
		config_of("{'processes': {'s': {'command': 'p', 'webhook': {'token': 't',"
			  " 'path': '.'}}}}");

	assert_non_null(json_object_get(c->hooks, "s"));
	config_unref(c);
	assert_config_error(
		"{'processes': {'s': {'command': 'p',\n 'webhook': {'token': 't', 'path':"
		" '.'}}}, 'webhooks': {\n's': {'token': 't', 'path': '.'}}}",
		"3: webhooks.s: there is a hook 's' already");
}

static void hooks_are_checked(void **state)
{
	static const char *const rows[][2] = {
		{"'path': '.'",
		 "1: webhooks.h: needs a 'token' or a 'token_file': without a secret "
		 "anybody could deploy"},
		{"'token': '', 'path': '.'", "1: webhooks.h.token: must not be empty"},
		{"'token': 't', 'token_file': 'f', 'path': '.'",
		 "1: webhooks.h: 'token' and 'token_file' exclude each other"},
		{"'token': 't'", "1: webhooks.h: needs the 'path' of its checkout"},
		{"'token': 't', 'path': '.', 'mode': 'inplace'",
		 "1: webhooks.h.mode: unknown 'inplace', did you mean 'in_place'?"},
		{"'token': 't', 'path': '.', 'services': ['x']",
		 "1: webhooks.h.services.0: no process 'x'"},
		{"'token': 't', 'path': '.', 'commands': [1]",
		 "1: webhooks.h.commands.0: must be a string, not an integer"},
		{"'token': 't', 'path': '.', 'keep_releases': 0",
		 "1: webhooks.h.keep_releases: 0 is out of range: 1 to 1000"},
		{"'token': 't', 'path': '.', 'limits': {'memory_max': '1'}",
		 "1: webhooks.h.limits.memory_max: 1 bytes are too few, at least 1M: did you mean "
		 "\"1M\"?"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[256];

		(void)snprintf(text, sizeof(text), "{'processes': {}, 'webhooks': {'h': {%s}}}",
			       rows[i][0]);
		assert_config_error(text, rows[i][1]);
	}
	assert_config_error("{'webhooks': {'router': {'token': 't', 'path': '.'}}}",
			    "1: webhooks.router: 'router' is the name of one of slicekeep's own "
			    "daemons: choose another one");
}

static void sections_of_our_daemons_are_checked(void **state)
{
	static const char *const rows[][2] = {
		{"'ci': {'listen': 7501}",
		 "1: ci.listen: must be an address or a list of them, not "
		 "an integer"},
		{"'ci': {'listen': ['127.0.0.1']}", "1: ci.listen.0: '127.0.0.1' is no address: "
						    "write \"127.0.0.1:8080\", \"[::]:80\" or "
						    "the absolute path of a socket"},
		{"'dashboard': {'config': 'aply'}",
		 "1: dashboard.config: unknown 'aply', did you mean 'apply'?"},
		{"'router': {'http_redirect': '80'}",
		 "1: router.http_redirect: must be an integer, not a string"},
		{"'router': {'routes': {'(': 80}}",
		 "1: router.routes[\"(\"]: '(' cannot be used: Unmatched ( or \\("},
		{"'router': {'routes': {'x': []}}",
		 "1: router.routes.x: must be a port or a text, not an array"},
		{"'router': {'webroots': {'x': 0}}",
		 "1: router.webroots.x: 0 is out of range: 1 to 65535"},
		{"'log': {'max_total': '1K'}",
		 "1: log.max_total: 1024 bytes are too few, at least 1M: did you mean \"1024M\"?"},
		{"'log': {'max_age': '1s'}", "1: log.max_age: '1s' is out of range: 1m to 36500d"},
		{"'log': {'segment_size': '4K'}",
		 "1: log.segment_size: 4096 bytes are too few, at least 64K: did you mean "
		 "\"4096M\"?"},
		{"'log': {'size': 1}",
		 "1: log.size: unknown key; known are: max_total max_age segment_size "
		 "sync"},
		{"'env': []", "1: env: must be an object of variables, not an array"},
		{"'env': {'PORT': 1}",
		 "1: env.PORT: ${PORT} is the port of each slot: choose another name"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[256];

		(void)snprintf(text, sizeof(text), "{'processes': {}, %s}", rows[i][0]);
		assert_config_error(text, rows[i][1]);
	}
}

static void sections_of_our_daemons_are_kept(void **state)
{
	struct config *c = config_of(
		"{'processes': {}, 'ci': {'listen': '127.0.0.1:1'}, 'log': {'max_total': '2G',"
		" 'max_age': '30d', 'segment_size': '1M', 'sync': '3s'}, 'dashboard': {'listen': "
		"['[::1]:2'], "
		"'token': 't', "
		"'config':"
		" 'apply'}, 'router': {'listen': '0.0.0.0:443', 'http_redirect': 80, 'routes':"
		" {'^a/': 1, '^b/': 'shop'}, 'webroots': {'x/y': 8000}}}");

	assert_int_equal(c->log_max_total_bytes, INT64_C(2) << 30);
	assert_int_equal(c->log_max_age_usec, 30 * USEC_PER_DAY);
	assert_int_equal(c->segment_bytes, 1 << 20);
	assert_int_equal(c->log_sync_usec, 3 * USEC_PER_SEC);
	assert_non_null(c->ci);
	assert_non_null(c->dashboard);
	assert_int_equal(json_integer_value(json_object_get(c->router, "http_redirect")), 80);
	assert_string_equal(c->warnings[0],
			    "ci, dashboard, router: accepted, not carried out by this build");
	config_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_without_processes_is_one),
		cmocka_unit_test(config_is_freed_by_its_last_owner),
		cmocka_unit_test(unknown_section_suggests_the_nearest),
		cmocka_unit_test(names_are_checked),
		cmocka_unit_test(processes_keep_the_order_of_the_file),
		cmocka_unit_test(after_names_what_exists),
		cmocka_unit_test(circle_of_after_is_named),
		cmocka_unit_test(diamond_of_after_is_no_circle),
		cmocka_unit_test(very_long_chain_of_after_needs_no_stack),
		cmocka_unit_test(ports_of_two_processes_do_not_overlap),
		cmocka_unit_test(slices_are_read),
		cmocka_unit_test(slices_with_a_rate_have_the_disk_of_the_config),
		cmocka_unit_test(slices_are_checked),
		cmocka_unit_test(hooks_are_kept_with_absolute_paths),
		cmocka_unit_test(hook_of_a_process_has_its_name),
		cmocka_unit_test(hooks_are_checked),
		cmocka_unit_test(sections_of_our_daemons_are_checked),
		cmocka_unit_test(sections_of_our_daemons_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
